"""Plug-ins that are not seqtrain's own: where they are from, and the Python of users' directories as it was imported.

What is edited between import and training, as in a notebook, is read as edited; afterwards it does not change here.
"""

import importlib.metadata
import sys
from dataclasses import dataclass
from types import ModuleType
from weakref import WeakKeyDictionary

from seqtrain.plugins import user_directories
from seqtrain.registry import REGISTRIES, Entry
from seqtrain.user_code import UserCode, read_code

_code: "WeakKeyDictionary[ModuleType, UserCode]" = WeakKeyDictionary()
"""Code of the user directories, by package, as first read: what runs does not change when files are edited later."""


@dataclass(frozen=True)
class Plugin:
    """A plug-in that is not seqtrain's own, and where its code was."""

    kind: str
    name: str
    module: str
    directory: str = ""
    """User directory; empty if it is an installed package's."""
    folder: str = ""
    """Name of that directory's copy below ``plugins/``."""
    distribution: str = ""
    """Name and version of the installed distribution, if there is one."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"

    @property
    def place(self) -> str:
        """Where its code was, for a message."""
        return self.directory or self.distribution or f"the module {self.module}"

    @property
    def is_registered(self) -> bool:
        """Whether there is a plug-in of that kind and name, wherever its code is from."""
        return self.kind in REGISTRIES and self.name in REGISTRIES[self.kind].names()


def plugin_of(kind: str, entry: Entry) -> Plugin | None:
    """Return where a registered plug-in is from, or None if it is seqtrain's own."""
    if package := _user_package(entry.module):
        return Plugin(kind, entry.name, entry.module, imported_code(entry.module).directory, package.rpartition(".")[2])
    if entry.module.partition(".")[0] == "seqtrain":
        return None
    return Plugin(kind, entry.name, entry.module, distribution=_distribution(entry.module))


def imported_code(module: str) -> UserCode:
    """Return the code of the user directory that a module is in, as it was when it was first asked for."""
    name = _user_package(module)
    package = sys.modules[name]
    if package not in _code:
        _code[package] = read_code(next(directory for directory, other in user_directories().items() if other == name))
    return _code[package]


def take_as_read(package: str, code: UserCode) -> None:
    """Make this the code of an imported package of users, which then is not read."""
    _code[sys.modules[package]] = code


def _user_package(module: str) -> str:
    """Return the package of the user directory that a module is in; empty if it is in none."""
    return next((name for name in user_directories().values() if f"{module}.".startswith(f"{name}.")), "")


def _distribution(module: str) -> str:
    """Return name and version of the installed distribution that holds a module; empty if none says so."""
    names = importlib.metadata.packages_distributions().get(module.split(".", maxsplit=1)[0], [])
    return f"{names[0]} {importlib.metadata.version(names[0])}" if names else ""
