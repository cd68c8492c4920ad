"""Hydra's sources of configs, which import the Python in users' directories and packages.

Hydra builds its config sources before it reads any defaults list, in every composition and in worker processes
too. The classes below are what it builds for directories and packages; they import the Python in them on that
occasion, and say what failed when Hydra asks whether they are available, so that all failures are told at once.
"""

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path

from hydra._internal.core_plugins import (
    file_config_source,
    importlib_resources_config_source,
    structured_config_source,
)
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqtrain.errors import PluginError
from seqtrain.plugins import (
    ENTRY_POINTS,
    conf_directory,
    forget_user_directory,
    import_package,
    import_user_directory,
    kinds,
    user_directories,
)
from seqtrain.registry import REGISTRIES

_opened: dict[Path, bool] = {}
"""Directories whose sources Hydra is building, and whether each was imported on this occasion."""
_failures: list[str] = []


def hidden_yaml(directories: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each YAML file whose name is taken: Hydra takes one of a name, and no dataclass beside it.

    Names are taken by seqtrain's own files, by what Python registers and by files of the directories before.
    """
    conf = conf_directory()
    taken = {file.relative_to(conf): str(file) for file in conf.rglob("*.yaml")}
    for kind, registry in REGISTRIES.items():
        places = {Path(kind, f"{name}.yaml"): where for name, where in registry.places().items()}
        for path in places.keys() & taken.keys():
            yield f"{places[path]}: {path.with_suffix('')} is there already, in {taken[path]}; register another name"
        taken |= places
    for directory in directories:
        for path, where in sorted(taken.items()):
            if (directory / path).is_file() and directory != conf:
                name = path.with_suffix("")
                yield f"{directory / path}:1: {name} is there already, in {where}; give this file another name"
        files = [file for group in (*kinds(), "experiment", "hydra") for file in (directory / group).rglob("*.yaml")]
        taken = {file.relative_to(directory): str(file) for file in files} | taken


def install() -> None:
    """Make Hydra import the Python of each entry of ``hydra.searchpath``."""
    types = SourcesRegistry.instance().types
    types["file"], types["pkg"] = FileConfigSource, ImportlibResourcesConfigSource
    types["structured"] = StructuredConfigSource


def _open(provider: str, entry: str) -> str:
    """Import an entry's Python, keep in mind what fails, and return the entry as Hydra's own sources take it."""
    try:
        scheme, _, place = _resolved(entry).rpartition("://")
        if scheme == "pkg":
            places = import_package(place.replace("/", ".").strip("."))
            _opened.update((Path(directory).resolve(), False) for directory in places)
            return f"pkg://{place}"
        directory = Path(place).expanduser().resolve()
        known = directory in user_directories()
        import_user_directory(directory, _place_of(provider, place))
        _opened.setdefault(directory, not known)
    except PluginError as error:
        _failures.append(str(error))
        return entry
    return f"file://{directory}"


def _place_of(provider: str, entry: str) -> str:
    """Return where an entry stands: FILE:LINE of the primary config, or the command line."""
    if not provider.endswith(" in main"):
        return "command line"
    file = FileConfigSource.last_loaded
    lines = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
    places = [f"{file}:{n}" for text in (entry, "searchpath") for n, line in enumerate(lines, 1) if text in line]
    return places[0] if places else "the primary config"


def _resolved(entry: str) -> str:
    """Return an entry with what its ``${...}`` stand for; Hydra does that in files but not on the command line."""
    try:
        return str(OmegaConf.create({"entry": entry})["entry"])
    except OmegaConfBaseException as error:
        raise PluginError(f"hydra.searchpath={entry}: {str(error).splitlines()[0]}") from error


def _report() -> None:
    """Raise what has failed, and what YAML hides, since the last report; only now have all directories been opened."""
    hidden = list(hidden_yaml(_opened)) if _opened else []
    for directory in [directory for directory, is_new in _opened.items() if is_new and hidden]:
        forget_user_directory(directory)
    problems = "\n".join(dict.fromkeys([*_failures, *hidden]))
    _failures.clear()
    _opened.clear()
    if problems:
        raise PluginError(problems)


class _WithPython(ConfigSource):
    """A source that imports the Python of what it is built for."""

    def __init__(self, provider: str, path: str) -> None:
        of_users = provider.startswith(("hydra.searchpath", ENTRY_POINTS))
        super().__init__(provider=provider, path=_open(provider, path) if of_users else path)

    def available(self) -> bool:
        """Tell whether there is such a place; Hydra asks each source when it has built all."""
        _report()
        return bool(super().available())  # type: ignore[safe-super]  # Hydra's own source comes next


class FileConfigSource(_WithPython, file_config_source.FileConfigSource):
    """Hydra's source for directories; the name must be Hydra's own, or its workers would refuse a second one."""

    last_loaded = Path()
    """The primary config, when Hydra opens the directories that it names: nothing else is loaded before."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a config, and keep in mind which."""
        FileConfigSource.last_loaded = Path(self.path, self._normalize_file_name(config_path))
        return super().load_config(config_path)


class ImportlibResourcesConfigSource(_WithPython, importlib_resources_config_source.ImportlibResourcesConfigSource):
    """Hydra's source for installed packages, by Hydra's own name for it as well."""


class StructuredConfigSource(structured_config_source.StructuredConfigSource):
    """Hydra's source of dataclasses: all of ConfigStore, which Hydra copies with all in it at each look-up."""

    def __deepcopy__(self, _: object) -> "StructuredConfigSource":
        """Share ConfigStore, which copies what it hands out."""
        return copy.copy(self)
