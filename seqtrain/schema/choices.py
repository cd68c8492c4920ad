"""What the names in a defaults list stand for, as Hydra resolves them."""

from collections.abc import Sequence
from typing import NamedTuple

from hydra._internal.config_repository import IConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqtrain.composition import quote
from seqtrain.config import ROOTS
from seqtrain.plugins import kinds
from seqtrain.registry import REGISTRIES

Chosen = dict[str, str]
"""The plug-in of each config group, ``{"model": "transformer"}``; a group of which none is chosen is not in it.

Of a group that any number can be chosen of it is one of them, and says nothing.
"""


class Choices(NamedTuple):
    """What there is to choose from. What Hydra cannot resolve is left out."""

    plugins: dict[str, dict[str, str]]
    """Of each group: the plug-in that each name stands for, its own or a preset's."""
    experiments: dict[str, Chosen]
    """What each file in ``experiment/`` chooses."""
    primaries: dict[str, Chosen]
    """What each primary config chooses, the roots of commands included."""
    commands: dict[str, str]
    """The command that each primary config is for."""


def read_choices(repository: IConfigRepository) -> Choices:
    """Resolve everything that Hydra's sources hold."""
    plugins = {}
    for group in kinds():
        found = {name: _plugins(repository, f"{group}/{name}").get(group) for name in group_choices(repository, group)}
        plugins[group] = {name: plugin for name, plugin in found.items() if plugin is not None}
    experiments, primaries, commands = {}, {}, {}
    for name in group_choices(repository, "experiment"):
        experiments[name] = _plugins(repository, "config", [f"+experiment={quote(name)}"])
    for name in group_choices(repository, ""):
        roots = [path.removesuffix("_root") for path in _resolve(repository, name) if path.endswith("_root")]
        if roots and roots[0] in ROOTS:
            primaries[name], commands[name] = _plugins(repository, name), roots[0]
    return Choices(plugins, {name: chosen for name, chosen in experiments.items() if chosen}, primaries, commands)


def group_choices(repository: IConfigRepository, group: str) -> list[str]:
    """Return all names that a group can be set to: plug-ins and presets, in Python and YAML."""
    options: list[str] = repository.get_group_options(group, ObjectType.CONFIG)
    return options


def _plugins(repository: IConfigRepository, config: str, overrides: Sequence[str] = ()) -> Chosen:
    """Return the plug-ins that a config's defaults list comes to."""
    found = {}
    for path in _resolve(repository, config, overrides):
        group = path.rpartition("/")[0]
        result = repository.load_config(path) if group in REGISTRIES else None
        if result is not None and result.path.startswith("structured:") and isinstance(result.config, DictConfig):
            found[group] = str(result.config.get("_name"))
    return {group: name for group, name in found.items() if name in REGISTRIES[group].names()}


def based_on(group: str, name: str) -> str:
    """Return what the defaults list of a file in a group says to be based on a choice of that group."""
    return f"{name}@_here_" if REGISTRIES[group].several else name


def _resolve(repository: IConfigRepository, config: str, overrides: Sequence[str] = ()) -> list[str]:
    """Return the paths of all that a config's defaults list comes to; nothing if there is a mistake in it."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    is_primary = "/" not in config
    try:
        found = create_defaults_list(repository, config, parsed, prepend_hydra=is_primary, skip_missing=True)
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError):
        return []
    return [default.config_path for default in found.defaults if default.config_path]
