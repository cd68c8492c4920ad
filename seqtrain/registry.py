"""One registry per kind of plug-in: names and configs, in Hydra's ConfigStore, beside the classes.

A further kind is one line, ``REGISTRY = Registry("tokenizer", TokenizerConfig, Tokenizer)``, and a base class.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from seqtrain import hydra_store
from seqtrain.config import PluginConfig
from seqtrain.errors import PluginError

PluginT = TypeVar("PluginT")
ClassT = TypeVar("ClassT", bound=type)

REGISTRIES: dict[str, "Registry[Any]"] = {}
"""The registry of each kind by its config group; filled as the kinds' packages are imported."""


@dataclass(frozen=True)
class Registered:
    """A name that is registered: where, FILE:LINE, and by which module."""

    name: str
    where: str
    module: str


@dataclass(frozen=True)
class Entry(Registered):
    """A registered plug-in: its config's type and its class."""

    config_type: type[PluginConfig]
    cls: type


@dataclass(frozen=True)
class Preset(Registered):
    """A registered preset: the name of its plug-in, and the values."""

    plugin: str
    config: PluginConfig


class Registry(Generic[PluginT]):
    """Plug-ins of one kind: ``kind`` is the config group, the next two are base classes.

    Of most kinds a config has one, in a section that is called as the kind. Of a kind with ``several`` it has any
    number by name, in a mapping: ``scorer=[bleu,chrf]`` chooses two, and ``scorer.bleu`` is the section of one.

    Raises:
        PluginError: there is such a kind already.
    """

    def __init__(self, kind: str, config_base: type[PluginConfig], base: type, *, several: bool = False) -> None:
        self.kind = kind
        self.several = several
        self.config_base = config_base
        self.base = base
        self._entries: dict[str, Entry] = {}
        self._presets: dict[str, Preset] = {}
        other = REGISTRIES.get(kind)
        if other is not None and other.base.__module__ != base.__module__:  # the same where a module is run again
            raise PluginError(f"{_caller()[0]}: there are {kind} plug-ins already, derived from {other.base.__name__}")
        REGISTRIES[kind] = self

    def register(self, name: str, config_type: type[PluginConfig]) -> Callable[[ClassT], ClassT]:
        """Return a decorator that registers a class under ``name`` and leaves it as it is.

        Raises:
            PluginError: the name or the config is taken, or the config or the class does not do for this kind.
        """
        place = _caller()

        def decorate(cls: ClassT) -> ClassT:
            entry = Entry(name, *place, config_type, cls)
            self._check_free(name, entry.where)
            if problem := self._problem_of_class(cls) or self._problem_of_config(config_type):
                raise PluginError(f"{entry.where}: {self.kind} {name!r}: {problem}")
            hydra_store.put(self.kind, name, name, config_type, self._package(name))
            self._entries[name] = entry
            return cls

        return decorate

    def register_preset(self, name: str, config: PluginConfig) -> None:
        """Make ``<kind>=<name>`` choose the plug-in of ``config`` with these values.

        Raises:
            PluginError: the name is taken or the config's type is not registered.
        """
        where, module = _caller()
        self._check_free(name, where)
        entry = self.entry_of_type(type(config))
        if entry is None:
            given = _name_of(config) if isinstance(config, type) else f"{_name_of(type(config))}(...)"
            known = next((f"{e.config_type.__name__}(...)" for e in self._entries.values()), "CONFIG(...)")
            raise PluginError(
                f"{where}: {self.kind} {name!r}: a preset is the config of a registered {self.kind}, such as {known}, "
                f"and not {given}"
            )
        hydra_store.put(self.kind, name, entry.name, config, self._package(name))
        self._presets[name] = Preset(name, where, module, entry.name, config)

    def build(self, cfg: PluginConfig, *args: Any) -> PluginT:
        """Build the plug-in whose config type ``cfg`` has, with ``args`` after the config.

        Raises:
            PluginError: no plug-in is registered with that config type.
        """
        plugin: PluginT = self.entry_of(cfg).cls(cfg, *args)
        return plugin

    def key(self, name: str) -> str:
        """Return the key of the section of what is chosen by a name."""
        return f"{self.kind}.{name}" if self.several else self.kind

    def names(self) -> list[str]:
        """Names of the registered plug-ins, sorted."""
        return sorted(self._entries)

    def presets(self) -> dict[str, Preset]:
        """Presets that Python registered, by name, sorted; those in YAML files are Hydra's to list."""
        return dict(sorted(self._presets.items()))

    def places(self) -> dict[str, str]:
        """Where each name is registered, plug-ins and presets."""
        return {item.name: item.where for item in self._all()}

    def entry(self, name: str) -> Entry:
        """Look up a plug-in by its name.

        Raises:
            PluginError: there is none of that name.
        """
        if name not in self._entries:
            raise PluginError(
                f"no {self.kind} is registered as {name!r}; there are: {', '.join(self.names())}. "
                "If it is a plug-in of yours, name its directory: hydra.searchpath=[DIR]"
            )
        return self._entries[name]

    def entry_of(self, cfg: PluginConfig) -> Entry:
        """Look up a plug-in by its config.

        Raises:
            PluginError: no plug-in has that config type.
        """
        entry = self.entry_of_type(type(cfg))
        if entry is None:
            raise PluginError(
                f"{type(cfg).__module__}.{type(cfg).__qualname__} is the config of no registered {self.kind}; "
                f"registered: {', '.join(self.names())}"
            )
        return entry

    def entry_of_type(self, config_type: type | None) -> Entry | None:
        """Return the plug-in that has a config type, if there is one."""
        return next((entry for entry in self._entries.values() if entry.config_type is config_type), None)

    def forget(self, modules: Collection[str]) -> None:
        """Forget, here and in ConfigStore, what these modules registered."""
        for name in [item.name for item in self._all() if item.module in modules]:
            self._entries.pop(name, None)
            self._presets.pop(name, None)
            hydra_store.drop(self.kind, name)

    def _all(self) -> list[Registered]:
        return [*self._entries.values(), *self._presets.values()]

    def _package(self, name: str) -> str | None:
        """Return where Hydra is to put what is chosen, if that is another place than where the choice is made for."""
        return self.key(name) if self.several else None

    def _check_free(self, name: str, where: str) -> None:
        if not re.fullmatch(r"\w[\w.+-]*", name):
            raise PluginError(f"{where}: {self.kind} {name!r}: a name consists of letters, digits and any of _ . + -")
        if taken := self.places().get(name):
            raise PluginError(f"{where}: {self.kind} {name!r} is registered already, in {taken}")

    def _problem_of_config(self, config_type: type) -> str:
        """Return what keeps a type from being the config of a plug-in of this kind."""
        config = _name_of(config_type)
        if not (isinstance(config_type, type) and issubclass(config_type, self.config_base)):
            return f"its config {config} must be a dataclass derived from {self.config_base.__name__}"
        if inspect.get_annotations(config_type) and "__dataclass_fields__" not in vars(config_type):
            return f"its config {config} is no dataclass: write @dataclass above it"
        if other := self.entry_of_type(config_type):
            return f"{config} is the config of {other.name!r} already ({other.where}); write a dataclass of its own"
        return ""

    def _problem_of_class(self, cls: type) -> str:
        """Return what keeps a class from being a plug-in of this kind."""
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            kinds = [kind for kind, r in REGISTRIES.items() if isinstance(cls, type) and issubclass(cls, r.base)]
            hint = f"; it is for register_{kinds[0]}" if kinds else ""
            return f"{_name_of(cls)} must derive from {self.base.__name__}{hint}"
        if missing := sorted(getattr(cls, "__abstractmethods__", ())):
            return f"{cls.__name__} lacks the required {', '.join(missing)}"
        if fixed := [name for name in _settable(self.base) if _is_read_only(cls, name)]:
            return f"{cls.__name__} lacks the required @{fixed[0]}.setter"
        return ""


def choice_of(plugin: object) -> str:
    """Return how users choose a plug-in, ``model=transformer``, for messages; its class's name if it has none."""
    registered = ((kind, registry.entry(name)) for kind, registry in REGISTRIES.items() for name in registry.names())
    found = (f"{kind}={entry.name}" for kind, entry in registered if entry.cls is type(plugin))
    return next(found, type(plugin).__name__)


def plugin_configs(config: Any) -> Iterator[PluginConfig]:
    """Yield the configs of plug-ins in a config, itself and those within others included."""
    if isinstance(config, PluginConfig):
        yield config
    below = config if isinstance(config, dict) else vars(config) if dataclasses.is_dataclass(config) else {}
    for value in below.values():
        yield from plugin_configs(value)


def kind_of(config: PluginConfig) -> str:
    """Return the kind of plug-in, ``model``, whose config this is."""
    return next(kind for kind, registry in REGISTRIES.items() if isinstance(config, registry.config_base))


def forget(modules: Collection[str]) -> None:
    """Forget what these modules registered, and the kinds whose base class they hold."""
    for kind, registry in list(REGISTRIES.items()):
        registry.forget(modules)
        if registry.base.__module__ in modules:
            del REGISTRIES[kind]
            hydra_store.drop_group(kind)


def registering() -> set[str]:
    """Return the names of the modules that registered something or hold a kind's base class."""
    kinds = REGISTRIES.values()
    return {registry.base.__module__ for registry in kinds} | {item.module for kind in kinds for item in kind._all()}


def _settable(base: type) -> list[str]:
    """Return the names of the properties of a base class that can be set."""
    return [name for name, item in vars(base).items() if isinstance(item, property) and item.fset is not None]


def _is_read_only(cls: type, name: str) -> bool:
    item = inspect.getattr_static(cls, name)
    return isinstance(item, property) and item.fset is None


def _name_of(thing: Any) -> str:
    return getattr(thing, "__qualname__", None) or repr(thing)


def _caller() -> tuple[str, str]:
    """Return FILE:LINE of the code that called the caller of this, and the name of its module."""
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}", str(frame.f_globals["__name__"])
