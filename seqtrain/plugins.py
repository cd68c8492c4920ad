"""Discovery of plug-ins: an explicit call for the built-in ones, Hydra's search path for users' directories.

Hydra builds its config sources before it reads any defaults list, in every composition and in worker processes
too. The source class below is what it builds for a directory, and imports the Python in it on that occasion.
"""

import contextlib
import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry

from seqtrain.errors import PluginError, SeqtrainError
from seqtrain.registry import REGISTRIES

PACKAGES = {
    "task": "seqtrain.tasks",
    "model": "seqtrain.models",
    "criterion": "seqtrain.criterions",
    "optimizer": "seqtrain.optimizers",
    "lr_scheduler": "seqtrain.lr_schedulers",
    "tokenizer": "seqtrain.data.tokenizers",
}
"""Config group of each kind and the package of its built-in plug-ins, one a file."""

_user_packages: dict[Path, str] = {}


def import_builtin() -> None:
    """Import, and so register, every built-in plug-in."""
    for group, package in PACKAGES.items():
        importlib.import_module(package)
        for name in builtin_names(group):
            importlib.import_module(f"{package}.{name}")


def builtin_names(group: str) -> list[str]:
    """Names of the built-in plug-ins of a group: the names of their files. Imports nothing."""
    directory = Path(__file__).parent.joinpath(*PACKAGES[group].split(".")[1:])
    return sorted(m.name for m in pkgutil.iter_modules([str(directory)]) if not m.name.startswith("_"))


def install_source() -> None:
    """Make Hydra import the Python of each directory on ``hydra.searchpath``."""
    SourcesRegistry.instance().types["file"] = FileConfigSource


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's source for directories; the name must be Hydra's own, or its workers would refuse a second one."""

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider=provider, path=path)
        if provider.startswith("hydra.searchpath"):
            import_user_directory(Path(self.path))


def import_user_directory(directory: Path) -> None:
    """Import the plug-ins of a user's directory, once.

    With an ``__init__.py`` it is imported as a package; otherwise the ``.py`` files in it and in its folders
    named like a config group are. What it prints goes to stderr.

    Raises:
        PluginError: the directory is missing or its Python cannot be imported; nothing of it stays registered.
    """
    directory = directory.expanduser().resolve()
    if directory in _user_packages:
        return
    if not directory.is_dir():
        raise PluginError(f"hydra.searchpath: there is no directory {directory}; check the path")
    package = _package_name(directory)
    modules, registered = set(sys.modules), {kind: r.snapshot() for kind, r in REGISTRIES.items()}
    try:
        with contextlib.redirect_stdout(sys.stderr):
            _import_package(package, directory)
    except BaseException as error:
        for kind, snapshot in registered.items():
            REGISTRIES[kind].restore(snapshot)
        for name in set(sys.modules) - modules:
            if name == package or name.startswith(package + "."):
                del sys.modules[name]
        if isinstance(error, SeqtrainError) or not isinstance(error, Exception):
            raise
        raise PluginError(_import_message(error, directory)) from error
    _user_packages[directory] = package


def _package_name(directory: Path) -> str:
    """``seqtrain.user.<name>``: an identifier made of the directory's name, unlike those in use."""
    stem = "seqtrain.user." + re.sub(r"\W", "_", directory.name)
    name, n = stem, 1
    while name in _user_packages.values():
        n += 1
        name = f"{stem}_{n}"
    return name


def _import_package(name: str, directory: Path) -> None:
    init = directory / "__init__.py"
    if init.is_file():
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(directory)])
    else:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(directory)]
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if init.is_file():
        assert spec.loader is not None
        spec.loader.exec_module(module)
    else:
        _import_files(name, module)


def _import_files(name: str, module: ModuleType) -> None:
    root = Path(module.__path__[0])
    for folder in ["", *PACKAGES]:
        for file in sorted((root / folder).glob("*.py")):
            importlib.import_module(".".join(filter(None, [name, folder, file.stem])))


def _import_message(error: Exception, directory: Path) -> str:
    """One line for the error, and where in the user's own files it arose."""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(directory))]
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(directory)
    return f"{where}: cannot import this plug-in: {type(error).__name__}: {error}"
