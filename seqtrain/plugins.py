"""Discovery of plug-ins: what ships with seqtrain, what is installed, and users' directories and packages."""

import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from seqtrain.errors import PluginError
from seqtrain.importing import all_or_nothing, drop, import_directory, import_module, imported_as, only_relative_imports
from seqtrain.registry import REGISTRIES
from seqtrain.user_code import frames_in
from seqtrain.user_packages import importable, no_longer_importable

PACKAGES = {
    "task": "seqtrain.tasks",
    "model": "seqtrain.models",
    "criterion": "seqtrain.criterions",
    "optimizer": "seqtrain.optimizers",
    "lr_scheduler": "seqtrain.lr_schedulers",
    "tokenizer": "seqtrain.data.tokenizers",
    "scorer": "seqtrain.scorers",
}
"""Config group of each kind and the package of its built-in plug-ins, one a file."""

ENTRY_POINTS = "seqtrain.plugins"
"""Group of the entry points by which installed packages name their plug-ins."""

_user_packages: dict[Path, str] = {}
_packages: dict[str, list[str]] = {}


def kinds() -> list[str]:
    """Return the kinds of plug-in in the order of the root config, further ones of users last."""
    return [*PACKAGES, *(kind for kind in REGISTRIES if kind not in PACKAGES)]


def conf_directory() -> Path:
    """Where the built-in YAML lies: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


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


def import_installed() -> None:
    """Import the plug-ins of installed packages, by their entry points; Hydra finds the YAML in these packages too.

    Raises:
        PluginError: some cannot be imported; each is named with its distribution.
    """
    problems = []
    for point in _entry_points():
        try:
            import_package(point.module)
        except PluginError as error:
            name = f"{point.dist.name} {point.dist.version}" if point.dist else "an installed package"
            problems.append(f"{name} (entry point {point.name} = {point.value}): {error}; mend or uninstall it")
    if problems:
        raise PluginError("\n".join(problems))
    if _entry_points():
        Plugins.instance().register(InstalledSearchPath)


@functools.cache
def _entry_points() -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(importlib.metadata.entry_points(group=ENTRY_POINTS))


class InstalledSearchPath(SearchPathPlugin):
    """Hydra's way to the YAML of installed packages."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the packages that entry points name."""
        for point in _entry_points():
            if _packages.get(point.module):
                search_path.append(provider=ENTRY_POINTS, path=f"pkg://{point.module}")


def import_package(name: str) -> list[str]:
    """Import the plug-ins of an installed package or module, once; return the directories that it consists of.

    Raises:
        PluginError: it is not installed, or its Python cannot be imported; nothing of it stays registered.
    """
    if name in _packages:
        return _packages[name]
    root = name.partition(".")[0]
    spec = importlib.util.find_spec(root) if root else None
    if spec is None:
        raise PluginError(f"no package {root!r} is installed (pkg://{name}); install it, or name a directory")
    place = (spec.submodule_search_locations or [spec.origin or root])[0]
    with all_or_nothing(root, Path(place)):
        _packages[name] = list(getattr(import_module(name), "__path__", []))
    return _packages[name]


def user_directories() -> dict[Path, str]:
    """Return the user directories that are imported, and the name of each one's package."""
    return dict(_user_packages)


def searchpath() -> list[str]:
    """Return the entries of ``hydra.searchpath`` that import in another process what is imported here."""
    return [*map(str, _user_packages), *(f"pkg://{name}" for name in _packages)]


def in_users_code(error: Exception) -> str:
    """Return an error that arose in a user's plug-in, with its FILE:LINE; nothing if it arose elsewhere."""
    frames = [frame for directory in user_directories() for frame in frames_in(error, directory)]
    if not frames:
        return ""
    where = f"{frames[-1].filename}:{frames[-1].lineno}"
    return f"{where}: {type(error).__name__}: {error} (HYDRA_FULL_ERROR=1 shows where it was called from)"


def import_user_directory(directory: Path, named_in: str = "") -> None:
    """Import the plug-ins of a user's directory, once.

    With an ``__init__.py`` it is imported as a package; otherwise the ``.py`` files in it and in its folders
    named like a config group are. What it prints goes to stderr.

    Args:
        directory: where it is.
        named_in: the place that names it, FILE:LINE or the command line, if known.

    Raises:
        PluginError: the directory is missing or its Python cannot be imported; the process is then as it was before.
    """
    directory = directory.expanduser().resolve()
    if directory in _user_packages:
        return
    if not directory.is_dir():
        where = f" ({named_in})" if named_in else ""
        raise PluginError(f"hydra.searchpath{where}: there is no directory {directory}; check the path")
    with importable(directory) as package, all_or_nothing(package, directory), only_relative_imports(directory):
        known = imported_as(directory / "__init__.py")
        if known is None:
            import_directory(package, directory, kinds)
    _user_packages[directory] = known or package


def forget_user_directory(directory: Path) -> None:
    """Undo the import of a user directory: of one that is refused afterwards, and in tests, which share a process."""
    directory = directory.expanduser().resolve()
    drop(_user_packages.pop(directory))
    no_longer_importable(directory)
