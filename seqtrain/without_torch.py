"""Plug-ins without torch, for a process that computes nothing: help, lists, completion, or a mistake to report.

To import torch takes seconds, and no config needs it. While the modules of plug-ins are imported here, stand-ins take
the place of the heavy packages that these import. Whatever is read from a stand-in is a stand-in too; it can be a
base class, an annotation, a decorator. So a plug-in stays one file that knows nothing of this, and its config is the
real one. Afterwards the stand-ins are out of the way: who imports torch gets torch, and what would compute with a
stand-in raises an error.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

HEAVY = ("torch", "numpy", "rich", "safetensors", "sentencepiece", "schedulefree")
"""Packages that plug-ins import and no config needs."""


def register(import_plugins: Callable[[], None]) -> None:
    """Call ``import_plugins``: with stand-ins for the heavy packages, or as it is if torch is imported already."""
    if _importer.again is not None:
        return
    if "torch" in sys.modules:
        import_plugins()
    else:
        _importer.run(import_plugins)


def undo() -> bool:
    """Import for real what was imported with stand-ins: before any Python of a user's, and before computing.

    Returns:
        Whether anything was. Then classes and configs of plug-ins from before are no longer those that count.
    """
    import_plugins, _importer.again = _importer.again, None
    if import_plugins is None:
        return False
    for name in _importer.modules:
        sys.modules.pop(name, None)
    import_plugins()
    return True


def abandon() -> set[str]:
    """Forget what was imported with stand-ins, and import nothing: at the end of a program that others may go on in.

    Returns:
        The names of the modules that are forgotten; what they registered has to be forgotten too.
    """
    if _importer.again is None:
        return set()
    _importer.again = None
    for name in _importer.modules:
        del sys.modules[name]
    return set(_importer.modules)


class StandIn(ModuleType):
    """Takes the place of a package, and of everything in it."""

    __iter__ = None  # or Python would iterate by __getitem__, without end

    def __getattr__(self, name: str) -> "StandIn":
        if name.startswith("__"):
            raise AttributeError(name)
        value = StandIn(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type]:
        """Be a base class: of classes that cannot be built."""
        return (type(self.__name__, (), {"__new__": _refuse}),)

    def __getitem__(self, _: object) -> "StandIn":
        return self

    def __or__(self, _: object) -> "StandIn":
        return self

    __ror__ = __or__

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Be a decorator, or a call whose result is kept as a constant, as long as plug-ins are imported."""
        if _importer not in sys.meta_path:
            _refuse(self)
        decorated = len(arguments) == 1 and (inspect.isfunction(arguments[0]) or inspect.isclass(arguments[0]))
        return arguments[0] if decorated else StandIn(f"{self.__name__}()")


def _refuse(what: Any, *_: object, **__: object) -> NoReturn:
    raise RuntimeError(
        f"{what.__name__}: plug-ins are here without torch; call seqtrain.without_torch.undo() to compute"
    )


class _Importer(MetaPathFinder, Loader):
    """Imports plug-ins with stand-ins, and remembers which modules hold some."""

    def __init__(self) -> None:
        self.packages: set[str] = set()
        self.modules: set[str] = set()
        self.again: Callable[[], None] | None = None
        """What imports those modules for real, once they hold stand-ins."""

    def run(self, import_plugins: Callable[[], None]) -> None:
        """Import with stand-ins, which are gone from Python's list of modules afterwards."""
        before, self.again = set(sys.modules), import_plugins
        self.packages = set(HEAVY) - before
        sys.meta_path.insert(0, self)
        try:
            import_plugins()
        finally:
            sys.meta_path.remove(self)
            for name in [name for name, module in sys.modules.items() if isinstance(module, StandIn)]:
                del sys.modules[name]
            self.modules = {name for name in set(sys.modules) - before if name.startswith("seqtrain.")}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Claim the heavy packages and all below them."""
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> StandIn:
        """Return what reading the module's name from its package gives too."""
        package, _, name = spec.name.rpartition(".")
        stand_in = getattr(sys.modules[package], name) if package else StandIn(name)
        assert isinstance(stand_in, StandIn)
        return stand_in

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: what is in a stand-in is made when it is read."""


_importer = _Importer()
