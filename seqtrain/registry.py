"""One registry per kind of plug-in: names and configs, in Hydra's ConfigStore, beside the classes.

A further kind is one line, ``REGISTRY = Registry("tokenizer", TokenizerConfig, Tokenizer)``, and a base class.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import Any, Generic, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from seqtrain.config import PluginConfig
from seqtrain.errors import PluginError

PluginT = TypeVar("PluginT")
ClassT = TypeVar("ClassT", bound=type)

REGISTRIES: dict[str, "Registry[Any]"] = {}
"""The registry of each kind by its config group; filled as the kinds' packages are imported."""


@dataclass(frozen=True)
class Entry:
    """A registered plug-in: its name, its config's type, its class, and where it is written."""

    name: str
    config_type: type[PluginConfig]
    cls: type
    where: str


class Registry(Generic[PluginT]):
    """Plug-ins of one kind: ``kind`` is the config group, the other two are base classes."""

    def __init__(self, kind: str, config_base: type[PluginConfig], base: type) -> None:
        self.kind = kind
        self.config_base = config_base
        self.base = base
        self._entries: dict[str, Entry] = {}
        self._presets: dict[str, str] = {}
        REGISTRIES[kind] = self

    def register(self, name: str, config_type: type[PluginConfig]) -> Callable[[ClassT], ClassT]:
        """Return a decorator that registers a class under ``name`` and leaves it as it is.

        Raises:
            PluginError: the name or the config is taken, or one of the two has the wrong base.
        """

        def decorate(cls: ClassT) -> ClassT:
            entry = Entry(name, config_type, cls, _where(cls))
            self._check(entry)
            self._store(name, name, config_type)
            self._entries[name] = entry
            return cls

        return decorate

    def register_preset(self, name: str, config: PluginConfig) -> None:
        """Make ``<kind>=<name>`` choose the plug-in of ``config`` with these values.

        Raises:
            PluginError: the name is taken or the config's type is not registered.
        """
        frame = inspect.stack()[1]
        where = f"{frame.filename}:{frame.lineno}"
        self._check_free(name, where)
        self._store(name, self.entry_of(config).name, config)
        self._presets[name] = where

    def build(self, cfg: PluginConfig, *args: Any) -> PluginT:
        """Build the plug-in whose config type ``cfg`` has, with ``args`` after the config.

        Raises:
            PluginError: no plug-in is registered with that config type.
        """
        plugin: PluginT = self.entry_of(cfg).cls(cfg, *args)
        return plugin

    def names(self) -> list[str]:
        """Names of the registered plug-ins, sorted."""
        return sorted(self._entries)

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
        for entry in self._entries.values():
            if entry.config_type is type(cfg):
                return entry
        raise PluginError(
            f"{type(cfg).__module__}.{type(cfg).__qualname__} is the config of no registered {self.kind}; "
            f"registered: {', '.join(self.names())}"
        )

    def snapshot(self) -> tuple[dict[str, Entry], dict[str, str]]:
        """Return what is registered now, for :meth:`restore`."""
        return dict(self._entries), dict(self._presets)

    def restore(self, snapshot: tuple[dict[str, Entry], dict[str, str]]) -> None:
        """Forget, here and in ConfigStore, what was registered since ``snapshot``."""
        entries, presets = snapshot
        group = ConfigStore.instance().repo.get(self.kind, {})
        for name in (set(self._entries) | set(self._presets)) - set(entries) - set(presets):
            group.pop(f"{name}.yaml", None)
        self._entries, self._presets = dict(entries), dict(presets)

    def _store(self, name: str, plugin: str, config: type[PluginConfig] | PluginConfig) -> None:
        node = OmegaConf.structured(config)
        node._name = plugin
        ConfigStore.instance().store(name=name, group=self.kind, node=node, provider="seqtrain")

    def _check(self, entry: Entry) -> None:
        self._check_free(entry.name, entry.where)
        if not (is_dataclass(entry.config_type) and issubclass(entry.config_type, self.config_base)):
            raise PluginError(
                f"{entry.where}: the config of {self.kind} {entry.name!r} must be a dataclass "
                f"derived from {self.config_base.__name__}"
            )
        if not issubclass(entry.cls, self.base):
            raise PluginError(f"{entry.where}: {self.kind} {entry.name!r} must derive from {self.base.__name__}")
        missing = sorted(getattr(entry.cls, "__abstractmethods__", ()))
        if missing:
            raise PluginError(f"{entry.where}: {self.kind} {entry.name!r} lacks the required {', '.join(missing)}")
        for other in self._entries.values():
            if other.config_type is entry.config_type:
                raise PluginError(
                    f"{entry.where}: {entry.config_type.__name__} is the config of {self.kind} {other.name!r} "
                    f"already ({other.where}); give {entry.name!r} a dataclass of its own"
                )

    def _check_free(self, name: str, where: str) -> None:
        taken = self._entries[name].where if name in self._entries else self._presets.get(name)
        if taken:
            raise PluginError(f"{where}: {self.kind} {name!r} is registered already, in {taken}")


def _where(cls: type) -> str:
    """File and line of a class, as far as Python knows them."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__
