"""Fields and choices in words, for ``--help``, ``explain`` and ``plugins``."""

import dataclasses
from collections.abc import Iterator, Sequence

from hydra._internal.config_repository import IConfigRepository
from hydra.core.object_type import ObjectType
from omegaconf import MISSING, DictConfig, OmegaConf

from seqtrain.errors import ConfigError
from seqtrain.fields import FieldInfo, describe_fields
from seqtrain.origins import Origins, Setting, show
from seqtrain.plugins import PACKAGES
from seqtrain.registry import REGISTRIES, Entry
from seqtrain.schema.choices import group_choices


def groups(repository: IConfigRepository) -> list[str]:
    """Return the groups that users choose from: those of the root in its order, then further ones, users' too."""
    known = [*PACKAGES, "experiment"]
    others: list[str] = repository.get_group_options("", ObjectType.GROUP)
    return [*known, *(group for group in others if group not in (*known, "hydra"))]


def presets(repository: IConfigRepository, group: str) -> list[str]:
    """Return the choices of a group that are no plug-in's own name."""
    plugins = REGISTRIES[group].names() if group in REGISTRIES else []
    return [name for name in group_choices(repository, group) if name not in plugins]


def chosen(origins: Origins, group: str) -> Entry:
    """Return the plug-in that a group is set to.

    Raises:
        ConfigError: it is set to none.
    """
    node = origins.schema.get(group)
    entry = REGISTRIES[group].entry_of_type(OmegaConf.get_type(node)) if isinstance(node, DictConfig) else None
    if entry is None:
        raise ConfigError(f"{group}: nothing is chosen; add {group}=NAME")
    return entry


def field_lines(key: str, info: FieldInfo, chain: Sequence[Setting]) -> Iterator[str]:
    """Yield a field's value, type, range and meaning; if something but its dataclass set it, what."""
    last = chain[-1] if chain else None
    value = show(info.default) if last is None else last.text
    value = "" if value == MISSING else value
    changed = f", default {show(info.default)}, set in {last.where}" if last and len(chain) > 1 else ""
    yield f"  {key}={value}  ({info.in_words}{changed})"
    yield f"      {info.meaning}"


def section_lines(key: str, config_type: type, origins: Origins) -> Iterator[str]:
    """Yield the lines of all fields of a section or plug-in, and of the sections in it."""
    for name, info in describe_fields(config_type).items():
        path = f"{key}.{name}" if key else name
        below = OmegaConf.select(origins.schema, path, throw_on_resolution_failure=False, throw_on_missing=False)
        below_type = OmegaConf.get_type(below) if isinstance(below, DictConfig) else None
        if dataclasses.is_dataclass(below_type) and path.split(".", 1)[0] not in REGISTRIES:
            yield from section_lines(path, below_type, origins)
        else:
            yield from field_lines(path, info, origins.chain(path))


def type_of(node: DictConfig) -> type:
    """Return the dataclass of a node."""
    config_type = OmegaConf.get_type(node)
    assert config_type is not None
    return config_type


def summary(thing: object) -> str:
    """Return the first line of a docstring."""
    lines = (thing.__doc__ or "").strip().split("\n")
    return lines[0]
