"""Fields and choices in words, for ``--help``, ``explain`` and ``plugins``."""

import dataclasses
from collections.abc import Iterator, Sequence

from hydra._internal.config_repository import IConfigRepository
from hydra.core.object_type import ObjectType
from omegaconf import MISSING, DictConfig, OmegaConf

from seqtrain.errors import ConfigError
from seqtrain.fields import FieldInfo, describe_fields
from seqtrain.nodes import child_of, is_mapping, plugins_of
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


def chosen(origins: Origins, group: str) -> dict[str, Entry]:
    """Return the plug-ins that a group is set to, by their keys: one, or any number of a kind with several.

    Raises:
        ConfigError: it is set to none.
    """
    registry, nodes = REGISTRIES[group], plugins_of(origins.schema, group)
    entries = {key: registry.entry_of_type(OmegaConf.get_type(node)) for key, node in nodes.items() if node is not None}
    found = {key: entry for key, entry in entries.items() if entry is not None}
    if not (found or registry.several):
        raise ConfigError(f"{group}: nothing is chosen; add {group}=NAME")
    return found


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
        parts = list(sections(path, OmegaConf.select(origins.schema, key) if key else origins.schema, name))
        for below, below_type in parts:
            yield from section_lines(below, below_type, origins)
        if not parts:
            yield from field_lines(path, info, origins.chain(path))


def sections(path: str, node: DictConfig, name: str) -> Iterator[tuple[str, type]]:
    """Yield the section that a field is, or those of a mapping, as path and type; none where it is a value.

    Args:
        path: the key of the field, which what is yielded begins with.
        node: the section that the field is in.
        name: its name there.
    """
    below = child_of(node, name)
    if below is None:
        return
    if dataclasses.is_dataclass(type_of(below)):
        yield path, type_of(below)
    elif not is_mapping(below):
        for key in map(str, below):
            yield from sections(f"{path}.{key}", below, key)


def type_of(node: DictConfig) -> type:
    """Return the dataclass of a node."""
    config_type = OmegaConf.get_type(node)
    assert config_type is not None
    return config_type


def summary(thing: object) -> str:
    """Return the first line of a docstring."""
    lines = (thing.__doc__ or "").strip().split("\n")
    return lines[0]
