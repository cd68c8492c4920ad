"""Discovery of plug-ins: an explicit call for what is installed, Hydra's search path for users' directories.

Hydra builds its config sources before it reads any defaults list, in every composition and in worker processes
too. The source classes below are what it builds for directories and packages; they import the Python in them on that
occasion, and say what failed when Hydra asks whether they are available, so that all failures are told at once.
"""

import copy
import functools
import importlib
import importlib.metadata
import importlib.util
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from hydra._internal.core_plugins import (
    file_config_source,
    importlib_resources_config_source,
    structured_config_source,
)
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqtrain.errors import PluginError
from seqtrain.importing import all_or_nothing, drop, import_directory, import_module, imported_as, only_relative_imports
from seqtrain.registry import REGISTRIES
from seqtrain.user_packages import importable, no_longer_importable

PACKAGES = {
    "task": "seqtrain.tasks",
    "model": "seqtrain.models",
    "criterion": "seqtrain.criterions",
    "optimizer": "seqtrain.optimizers",
    "lr_scheduler": "seqtrain.lr_schedulers",
    "tokenizer": "seqtrain.data.tokenizers",
}
"""Config group of each kind and the package of its built-in plug-ins, one a file."""

ENTRY_POINTS = "seqtrain.plugins"
"""Group of the entry points by which installed packages name their plug-ins."""

_user_packages: dict[Path, str] = {}
_packages: dict[str, list[str]] = {}
_failures: list[str] = []


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


def import_package(name: str) -> None:
    """Import the plug-ins of an installed package or module, once.

    Raises:
        PluginError: it is not installed, or its Python cannot be imported; nothing of it stays registered.
    """
    if name in _packages:
        return
    root = name.partition(".")[0]
    spec = importlib.util.find_spec(root) if root else None
    if spec is None:
        raise PluginError(f"no package {root!r} is installed (pkg://{name}); install it, or name a directory")
    place = (spec.submodule_search_locations or [spec.origin or root])[0]
    with all_or_nothing(root, Path(place)):
        places = list(getattr(import_module(name), "__path__", []))
        for place in places:
            check_yaml(Path(place))
    _packages[name] = places


def user_directories() -> dict[Path, str]:
    """Return the user directories that are imported, and the name of each one's package."""
    return dict(_user_packages)


def import_user_directory(directory: Path) -> None:
    """Import the plug-ins of a user's directory, once.

    With an ``__init__.py`` it is imported as a package; otherwise the ``.py`` files in it and in its folders
    named like a config group are. What it prints goes to stderr.

    Raises:
        PluginError: the directory is missing, its Python cannot be imported or its YAML would be ignored; the
            process is then as it was before.
    """
    directory = directory.expanduser().resolve()
    if directory in _user_packages:
        return
    if not directory.is_dir():
        raise PluginError(f"hydra.searchpath: there is no directory {directory}; check the path")
    with importable(directory) as package, all_or_nothing(package, directory), only_relative_imports(directory):
        known = imported_as(directory / "__init__.py")
        if known is None:
            import_directory(package, directory, PACKAGES)
        check_yaml(directory)
    _user_packages[directory] = known or package


def forget_user_directory(directory: Path) -> None:
    """Undo the import of a user directory: for tests, which share a process."""
    directory = directory.expanduser().resolve()
    drop(_user_packages.pop(directory))
    no_longer_importable(directory)


def check_yaml(directory: Path) -> None:
    """Check that Hydra takes each YAML file of a directory: of files of one name it takes the first that it finds.

    Raises:
        PluginError: a file is named like one of seqtrain's own, or like what Python registers.
    """
    conf = conf_directory()
    taken = {file.relative_to(conf): str(file) for file in conf.rglob("*.yaml")}
    for kind, registry in REGISTRIES.items():
        taken |= {Path(kind, f"{name}.yaml"): where for name, where in registry.places().items()}
    problems = [
        f"{directory / path}:1: {path.with_suffix('')} is there already, in {where}; give this file another name"
        for path, where in sorted(taken.items())
        if (directory / path).is_file() and directory != conf
    ]
    if problems:
        raise PluginError("\n".join(problems))


def install_source() -> None:
    """Make Hydra import the Python of each entry of ``hydra.searchpath``."""
    types = SourcesRegistry.instance().types
    types["file"], types["pkg"] = FileConfigSource, ImportlibResourcesConfigSource
    types["structured"] = StructuredConfigSource


def import_searchpath(entries: Iterable[str]) -> None:
    """Import the Python of entries of ``hydra.searchpath``: directories, ``file://``, ``pkg://``, ``${oc.env:DIR}``.

    Raises:
        PluginError: some cannot be imported; all of these are named.
    """
    for entry in entries:
        _open(entry)
    _report()


def _open(entry: str) -> str:
    """Import an entry's Python, keep in mind what fails, and return the entry as Hydra's own sources take it."""
    try:
        scheme, _, place = _resolved(entry).rpartition("://")
        if scheme == "pkg":
            import_package(place.replace("/", ".").strip("."))
            return f"pkg://{place}"
        directory = Path(place).expanduser().resolve()
        import_user_directory(directory)
    except PluginError as error:
        _failures.append(str(error))
        return entry
    return f"file://{directory}"


def _resolved(entry: str) -> str:
    """Return an entry with what its ``${...}`` stand for; Hydra does that in files but not on the command line."""
    try:
        return str(OmegaConf.create({"entry": entry})["entry"])
    except OmegaConfBaseException as error:
        raise PluginError(f"hydra.searchpath={entry}: {str(error).splitlines()[0]}") from error


def _report() -> None:
    """Raise what has failed since the last report."""
    problems = "\n".join(dict.fromkeys(_failures))
    _failures.clear()
    if problems:
        raise PluginError(problems)


class _WithPython(ConfigSource):
    """A source that imports the Python of what it is built for."""

    def __init__(self, provider: str, path: str) -> None:
        of_users = provider.startswith(("hydra.searchpath", ENTRY_POINTS))
        super().__init__(provider=provider, path=_open(path) if of_users else path)

    def available(self) -> bool:
        """Tell whether there is such a place; Hydra asks each source when it has built all."""
        _report()
        return bool(super().available())  # type: ignore[safe-super]  # Hydra's own source comes next


class FileConfigSource(_WithPython, file_config_source.FileConfigSource):
    """Hydra's source for directories; the name must be Hydra's own, or its workers would refuse a second one."""


class ImportlibResourcesConfigSource(_WithPython, importlib_resources_config_source.ImportlibResourcesConfigSource):
    """Hydra's source for installed packages, by Hydra's own name for it as well."""


class StructuredConfigSource(structured_config_source.StructuredConfigSource):
    """Hydra's source of dataclasses: all of ConfigStore, which Hydra copies with all in it at each look-up."""

    def __deepcopy__(self, _: object) -> "StructuredConfigSource":
        """Share ConfigStore, which copies what it hands out."""
        return copy.copy(self)
