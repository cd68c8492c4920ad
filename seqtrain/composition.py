"""From overrides to one typed config, and from a config to plain data and back."""

import copy
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seqtrain import mistakes, plugins
from seqtrain.config import AverageConfig, EvaluateConfig, GenerateConfig, TaskConfig, TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.registry import REGISTRIES, Registry

ROOTS = {"train": TrainConfig, "generate": GenerateConfig, "evaluate": EvaluateConfig, "average": AverageConfig}
"""Root dataclass of each command that has one of its own."""

SHARED = tuple(f.name for f in dataclasses.fields(TaskConfig) if str(f.default).startswith("${"))
"""Fields of a task's config that stand for values elsewhere in the root."""


def conf_directory() -> Path:
    """Where the built-in YAML lies: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def register_all() -> None:
    """Make everything that ships with seqtrain known to Hydra; needed once before composing."""
    store = ConfigStore.instance()
    for name, root in ROOTS.items():
        store.store(name=f"{name}_root", node=root, provider="seqtrain")
    plugins.install_source()
    plugins.import_builtin()


def compose(overrides: Sequence[str] = (), *, searchpath: Sequence[str | Path] = ()) -> TrainConfig:
    """Compose the config that ``python -m seqtrain`` with these overrides would train with.

    Args:
        overrides: as on the command line, such as ``model.dropout=0.2``.
        searchpath: user directories; the same as the override ``hydra.searchpath=[...]``.

    Raises:
        ConfigError: an override names no key or choice, or a value is wrong.
        PluginError: a user directory is missing or cannot be imported.
    """
    quoted = ",".join(quote(str(path)) for path in searchpath)
    more = [f"hydra.searchpath=[{quoted}]"] if searchpath else []
    config = to_config(compose_node("config", [*overrides, *more]))
    assert isinstance(config, TrainConfig)
    return config


def quote(text: str) -> str:
    """Return ``text`` as a quoted value in Hydra's grammar, where a backslash counts only before a quote."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{chr(92) * trailing}'"


def compose_node(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose a root through Hydra, its own ``hydra`` node included.

    Raises:
        ConfigError: an override names no key or choice, or a value is wrong.
    """
    register_all()
    before = GlobalHydra.instance().hydra
    try:
        with initialize_config_dir(str(conf_directory()), job_name="seqtrain", version_base="1.3"):
            return hydra_compose(config_name, overrides=list(overrides), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # the last one at `model=null`
        keys = list(mistakes.flatten(without_hydra(compose_node(config_name, [])))) if overrides else []
        raise ConfigError(mistakes.describe(error, overrides, keys)) from error
    finally:
        GlobalHydra.instance().hydra = before


def to_config(node: DictConfig) -> Any:
    """Turn a composed node into dataclasses, the root's type first.

    Raises:
        ConfigError: a value is missing, does not fit, or belongs to no registered plug-in.
    """
    plain = without_hydra(node)
    for kind, registry in REGISTRIES.items():
        if (group := OmegaConf.select(plain, kind)) is not None:
            _check_group(group, registry)
    for key in mistakes.extra_keys(plain):
        raise ConfigError(mistakes.unknown_key(key, list(mistakes.flatten(plain))))
    try:
        return OmegaConf.to_object(plain)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or ""
        line = mistakes.first_line(error)
        raise ConfigError(f"{key}: {line}" if key and key not in line else line) from error


def _check_group(group: DictConfig, registry: Registry[Any]) -> None:
    """Check that a group's config is a registered plug-in's, under its own name.

    Raises:
        ConfigError: it is not.
    """
    entries = map(registry.entry, registry.names())
    name = next((entry.name for entry in entries if entry.config_type is OmegaConf.get_type(group)), None)
    if name is None:
        raise ConfigError(mistakes.based_on_nothing(registry))
    if group._name != name:
        raise ConfigError(f"{registry.kind}._name cannot be set: choose the plug-in with {registry.kind}={group._name}")


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
            if key in REGISTRIES:
                entry = REGISTRIES[key].entry(value["_name"])
                part = OmegaConf.structured(entry.config_type)
                shared = SHARED if key == "task" else ()  # Hydra's own config.yaml has them
                node[key] = OmegaConf.merge(part, {k: v for k, v in value.items() if k not in shared})
            else:
                node[key] = OmegaConf.merge(node[key], value)
        OmegaConf.set_struct(node, True)
        for override in OverridesParser.create().parse_overrides(list(overrides)):
            OmegaConf.update(node, override.key_or_group, override.value(), merge=True)
    except (OmegaConfBaseException, HydraException) as error:
        raise ConfigError(mistakes.describe(error, list(overrides), [])) from error
    config = to_config(node)
    assert isinstance(config, TrainConfig)
    return config
