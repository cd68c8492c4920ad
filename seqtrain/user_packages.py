"""Finds the packages of users' directories, ``seqtrain.user.<name>``, without touching ``sys.path`` or PYTHONPATH.

A variable of the environment maps the packages' names to directories. Child processes inherit it: a class that is sent
to one is found there before anything is composed.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

PARENT = "seqtrain.user"
"""The package that the others are in."""

VARIABLE = "SEQTRAIN_USER"
"""The variable: names and directories as JSON."""


def directories() -> dict[str, Path]:
    """Return the directories that can be imported, by the full names of their packages."""
    return {name: Path(path) for name, path in json.loads(os.environ.get(VARIABLE, "{}")).items()}


@contextlib.contextmanager
def importable(directory: Path) -> Iterator[str]:
    """Let a directory be imported, here and in children, unless what is done within fails; yield its package's name.

    The name is made of the directory's, and never another directory's.
    """
    before = directories()
    name = next((name for name, other in before.items() if other == directory), None)
    if name is None:
        name = f"{PARENT}." + re.sub(r"\W", "_", directory.name)
        if name in before:
            name += "_" + hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]
    _write({**before, name: directory})
    try:
        yield name
    except BaseException:
        _write(before)
        raise


def no_longer_importable(directory: Path) -> None:
    """Undo :func:`importable`."""
    _write({name: other for name, other in directories().items() if other != directory})


def _write(known: dict[str, Path]) -> None:
    os.environ.pop(VARIABLE, None)
    if known:
        os.environ[VARIABLE] = json.dumps({name: str(directory) for name, directory in known.items()})


class Finder(MetaPathFinder):
    """Finds the packages; what is in one is found by Python itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a directory's package, which may do without ``__init__.py``."""
        directory = directories().get(fullname) if fullname.startswith(f"{PARENT}.") else None
        if directory is None or not directory.is_dir():
            return None
        init, places = directory / "__init__.py", [str(directory)]
        if init.is_file():
            return spec_from_file_location(fullname, init, submodule_search_locations=places)
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = places
        return spec


sys.meta_path.append(Finder())
