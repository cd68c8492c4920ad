"""From overrides to one typed config, and from a config to plain data and back."""

import contextlib
import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_repository import IConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqtrain import plugins, sources
from seqtrain.choices import REFUSALS, hydras_words
from seqtrain.config import ROOTS, SHARED, TrainConfig
from seqtrain.diagnosis import apply_overrides, diagnose, unreadable
from seqtrain.errors import ConfigError
from seqtrain.mistakes import find_mistakes, first_line
from seqtrain.origins import Origins, open_sources, read_origins
from seqtrain.registry import REGISTRIES


def register_all() -> None:
    """Make everything that ships with seqtrain known to Hydra; needed once before composing."""
    store = ConfigStore.instance()
    for name, root in ROOTS.items():
        node = OmegaConf.structured(root)
        OmegaConf.set_struct(node, False)  # users may add kinds of plug-in; what else is added is refused by us
        store.store(name=f"{name}_root", node=node, provider="seqtrain")
    sources.install()
    plugins.import_builtin()
    plugins.import_installed()


def compose(overrides: Sequence[str] = (), *, searchpath: Sequence[str | Path] = ()) -> TrainConfig:
    """Compose the config that ``python -m seqtrain`` with these overrides would train with.

    >>> compose(["training.max_update=100"]).training.max_update
    100

    Args:
        overrides: as on the command line, such as ``model.dropout=0.2``.
        searchpath: user directories; the same as the override ``hydra.searchpath=[...]``.

    Raises:
        ConfigError: something is wrong with overrides or YAML; all mistakes are named.
        PluginError: a user directory is missing or cannot be imported.
    """
    if isinstance(overrides, str):
        raise ConfigError(f"compose takes a list of overrides: compose([{overrides!r}])")
    try:
        config = to_config(compose_node("config", [*overrides, *searchpath_override(searchpath)]))
    except ConfigError as error:
        raise error from None  # in a notebook nobody wants to see what Hydra says too
    assert isinstance(config, TrainConfig)
    return config


def searchpath_override(directories: Sequence[str | Path]) -> list[str]:
    """Return the override that names user directories, if there are any."""
    quoted = ",".join(quote(str(path)) for path in directories)
    return [f"hydra.searchpath=[{quoted}]"] if directories else []


def quote(text: str) -> str:
    """Return ``text`` as a quoted value in Hydra's grammar, where a backslash counts only before a quote."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * trailing}'"


@contextlib.contextmanager
def hydra_loader(config_dir: Path | None = None) -> Iterator[ConfigLoader]:
    """Initialise Hydra with everything that ships with seqtrain, and leave it as it was.

    Raises:
        ConfigError: there is no ``config_dir``, a directory with primary configs of the user's own.
    """
    register_all()
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(plugins.conf_directory()), job_name="seqtrain", version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()
            if config_dir is not None:
                _add_directory(loader, config_dir)
            yield loader
    finally:
        GlobalHydra.instance().hydra = before


def _add_directory(loader: ConfigLoader, config_dir: Path) -> None:
    """Let Hydra look for YAML in one more directory, as its ``--config-dir`` does."""
    if not config_dir.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: there is no such directory")
    path = loader.get_search_path()
    path.prepend(provider="command-line", path=f"file://{config_dir.absolute()}", anchor="schema")
    loader.repository.initialize_sources(path)  # type: ignore[attr-defined]  # what Hydra does when it starts


def discover(
    overrides: Sequence[str] = (), config_name: str = "config", config_dir: Path | None = None
) -> IConfigRepository:
    """Register the built-in plug-ins and those of the user directories that overrides or the primary config name.

    Returns:
        Hydra's sources of YAML and dataclasses.

    Raises:
        ConfigError: an override cannot be read.
        PluginError: a user directory is missing or cannot be imported.
    """
    with hydra_loader(config_dir) as loader:
        try:
            return open_sources(loader, config_name, overrides)[1]
        except HydraException as error:
            raise ConfigError("\n".join(unreadable(overrides)) or first_line(error)) from error


def compose_node(config_name: str, overrides: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """Compose a root through Hydra, its own ``hydra`` node included.

    Args:
        config_name: the primary config.
        overrides: as on the command line.
        config_dir: a directory with primary configs of the user's own.

    Raises:
        ConfigError: something is wrong with overrides or YAML; all mistakes are named.
    """
    with hydra_loader(config_dir) as loader:
        try:
            return hydra_compose(config_name, overrides=list(overrides), return_hydra_config=True)
        except REFUSALS as error:
            lines = diagnose(loader, config_name, overrides) or [hydras_words(error, overrides)]
            raise ConfigError("\n".join(lines)) from error


def to_config(node: DictConfig) -> Any:
    """Turn a composed node into dataclasses, the root's type first.

    Raises:
        ConfigError: values are missing, do not fit, or belong to no registered plug-in; all are named.
    """
    plain = without_hydra(node)
    if OmegaConf.get_type(plain) not in ROOTS.values():
        name = node.hydra.job.config_name
        raise ConfigError(f"{name}: is based on no root; begin its defaults with `config` or `train_root`")
    if mistakes := find_mistakes(plain):
        lines = _with_origins(node) if "hydra" in node else []
        raise ConfigError("\n".join(lines or [mistake.line() for mistake in mistakes]))
    return OmegaConf.to_object(plain)


def origins_of(node: DictConfig) -> Origins:
    """Return what a node was composed of, by what Hydra noted in it."""
    with hydra_loader(_config_dir(node)) as loader:
        return read_origins(loader, *_composed_from(node))


def _with_origins(node: DictConfig) -> list[str]:
    with hydra_loader(_config_dir(node)) as loader:
        return diagnose(loader, *_composed_from(node))


def _composed_from(node: DictConfig) -> tuple[str, list[str]]:
    overrides: Any = OmegaConf.to_container(node.hydra.overrides, resolve=False)
    return node.hydra.job.config_name, [*overrides["hydra"], *overrides["task"]]


def _config_dir(node: DictConfig) -> Path | None:
    sources = node.hydra.runtime.config_sources
    return next((Path(source.path) for source in sources if source.provider == "command-line"), None)


def without_hydra(node: DictConfig) -> DictConfig:
    """Return a composed node without what is Hydra's own."""
    plain = copy.deepcopy(node)
    with open_dict(plain):
        plain.pop("hydra", None)
    return plain


def to_container(cfg: TrainConfig) -> dict[str, Any]:
    """Return a config as plain data, enums by name; what a task shares with other sections, only there."""
    container = OmegaConf.to_container(OmegaConf.structured(cfg), resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    result: dict[str, Any] = {str(key): value for key, value in container.items()}
    for name in SHARED:
        result["task"].pop(name)
    return result


def from_container(container: Mapping[str, Any], overrides: Iterable[str] = ()) -> TrainConfig:
    """Return the config that :func:`to_container` made plain, with overrides applied.

    Args:
        container: the plain data.
        overrides: ``key=value`` in Hydra's grammar.

    Raises:
        ConfigError: a key or a value does not fit.
        PluginError: a plug-in is not registered.
    """
    node = OmegaConf.structured(TrainConfig)
    try:
        for key, value in container.items():
            if not isinstance(value, Mapping):
                raise ConfigError(f"{key}={value!s:.100}: must be a section")
            if key in REGISTRIES and REGISTRIES[key].several:
                node[key] = {name: _plugin(key, f"{key}.{name}", below) for name, below in value.items()}
            elif key in REGISTRIES:
                shared = SHARED if key == "task" else ()  # Hydra's own config.yaml has them
                node[key] = _plugin(key, key, {k: v for k, v in value.items() if k not in shared})
            else:
                node[key] = OmegaConf.merge(node[key], value)
    except (OmegaConfBaseException, TypeError, ValueError) as error:  # of keys and values that OmegaConf cannot hold
        raise ConfigError(first_line(error)) from error
    if lines := apply_overrides(node, list(overrides)):
        raise ConfigError("\n".join(lines))
    config = to_config(node)
    assert isinstance(config, TrainConfig)
    return config


def _plugin(kind: str, key: str, value: Any) -> Any:
    """Return the typed node of a plug-in's config that is plain data."""
    if not (isinstance(value, Mapping) and isinstance(name := value.get("_name"), str)):
        raise ConfigError(f"{key}._name: is missing, or no text")
    below = {k: _typed(k, f"{key}.{k}", v) for k, v in value.items()}
    return OmegaConf.merge(OmegaConf.structured(REGISTRIES[kind].entry(name).config_type), below)


def _typed(name: str, key: str, value: Any) -> Any:
    """Return plain data with the plug-ins in it typed: what has a ``_name``, below a key that is called as its kind."""
    if not isinstance(value, Mapping):
        return value
    if name in REGISTRIES and "_name" in value:
        return _plugin(name, key, value)
    return {k: _typed(k, f"{key}.{k}", v) for k, v in value.items()}
