"""Importing users' Python: what fails leaves nothing behind and is told in one message, with their own lines alone."""

import contextlib
import importlib
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from seqtrain import without_torch
from seqtrain.errors import PluginError, SeqtrainError
from seqtrain.registry import REGISTRIES, forget, registering
from seqtrain.user_code import frames_in, is_in

NO_PLUGINS = ("_", ".", "test_", "conftest.")
"""What the names of files begin with that others import, if anybody."""


class AbsoluteImportError(ImportError):
    """A module of a user directory imports another one as if the directory were on Python's path."""


@contextlib.contextmanager
def all_or_nothing(package: str, directory: Path) -> Iterator[None]:
    """Import modules of ``package``, which lies in ``directory``, within; what they print goes to stderr.

    Raises:
        PluginError: that failed; what it registered, and the modules of the package, are forgotten.
    """
    before = set(sys.modules)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except BaseException as error:
        drop(package, keep=before)
        if isinstance(error, Exception | SystemExit):
            raise PluginError(explain(error, directory)) from error
        raise


def drop(package: str, keep: Collection[str] = ()) -> None:
    """Forget the modules of a package and what they registered, also before they failed; ``keep`` some modules."""
    modules = {name for name in {*sys.modules, *registering()} if f"{name}.".startswith(f"{package}.")}.difference(keep)
    forget(modules)
    for name in modules:
        module, (parent, _, child) = sys.modules.pop(name, None), name.rpartition(".")
        if module is not None and getattr(sys.modules.get(parent), child, None) is module:
            delattr(sys.modules[parent], child)


def import_module(name: str) -> ModuleType:
    """Import a module of a user's, which may compute at once: with torch, whatever stood in for it."""
    without_torch.undo()
    return importlib.import_module(name)


def import_directory(package: str, directory: Path, kinds: Callable[[], Iterable[str]]) -> None:
    """Import a user directory: its ``__init__.py``, or else the files right in it, then those in folders of kinds."""
    importlib.invalidate_caches()
    if (directory / "__init__.py").is_file():
        import_module(package)
        return
    _import_files(package, directory)
    for kind in kinds():  # to which the files may have added
        _import_files(f"{package}.{kind}", directory / kind)


def _import_files(package: str, folder: Path) -> None:
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith(NO_PLUGINS) and imported_as(file) is None:
            import_module(f"{package}.{file.stem}")


def imported_as(file: Path) -> str | None:
    """Return the name under which a file is imported already, for example by a user's own tests."""
    ending = str(Path(file.parent.name, file.name))
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and str(path).endswith(ending) and Path(path).resolve() == file:
            return name
    return None


@contextlib.contextmanager
def only_relative_imports(directory: Path) -> Iterator[None]:
    """Refuse to import a file of the directory by an absolute name: that would run it a second time, or not at all."""
    guard = _Guard(directory)
    sys.meta_path.insert(0, guard)
    try:
        yield
    finally:
        sys.meta_path.remove(guard)


class _Guard(MetaPathFinder):
    """Asked before all other finders."""

    def __init__(self, directory: Path) -> None:
        own = {directory.name, re.sub(r"\W", "_", directory.name), *(path.stem for path in directory.iterdir())}
        self.names = own - {"seqtrain"}
        self.places = {directory, *(directory / kind for kind in REGISTRIES)}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Leave it to the other finders, unless what they find lies in the directory or they find nothing."""
        if fullname.partition(".")[0] not in self.names:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or not self.places.isdisjoint(map(Path.resolve, _folders(spec))):
            raise AbsoluteImportError(f"No module named {fullname!r}", name=fullname)
        return spec


def _folders(spec: ModuleSpec) -> Iterator[Path]:
    """Yield the folder that a module lies in; of a package, the package's."""
    yield from map(Path, spec.submodule_search_locations or [])
    if spec.has_location and spec.origin:
        yield Path(spec.origin).parent


def explain(error: BaseException, directory: Path) -> str:
    """Return FILE:LINE and what went wrong there, on one line; the last place is the one in the user's own files."""
    if isinstance(error, SeqtrainError) and str(error).startswith(str(directory)):
        return str(error)  # a registry's, which says where
    frames = frames_in(error, directory)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    if isinstance(error, SyntaxError) and error.filename and is_in(error.filename, directory):
        places.append(f"{error.filename}:{error.lineno or 1}")
    where = places[-1] if places else str(directory)
    importers = [place for place, frame in zip(places[:-1], frames, strict=False) if frame.name == "<module>"]
    chain = "".join(f", imported at {place}" for place in reversed(importers) if place.split(":")[0] not in where)
    return f"{where}: {_what(error, frames)}{chain}"


def _what(error: BaseException, frames: Sequence[traceback.FrameSummary]) -> str:
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    if isinstance(error, AbsoluteImportError):
        line = frames[-1].line if frames else f"import {error.name}"
        return (
            f"`{line}` imports this directory by an absolute name; its modules import each other relatively: "
            "`from . import NAME` or `from .MODULE import NAME`"
        )
    if isinstance(error, SystemExit):
        return 'calls sys.exit() when it is imported; keep that below `if __name__ == "__main__":`'
    if isinstance(error, SeqtrainError):
        return text
    return f"cannot import this plug-in: {type(error).__name__}" + (f": {text}" if text else "")
