"""Fields and choices in words, for ``--help``, ``explain`` and ``plugins``."""

import dataclasses
from collections.abc import Iterator, Sequence

from hydra._internal.config_repository import IConfigRepository
from hydra.core.object_type import ObjectType
from omegaconf import MISSING, DictConfig, OmegaConf

from seqtrain.fields import FieldInfo, describe_fields
from seqtrain.origins import Origins, Setting, show
from seqtrain.plugins import PACKAGES
from seqtrain.registry import REGISTRIES


def groups(repository: IConfigRepository) -> list[str]:
    """Return the groups that users choose from: those of the root in its order, then further ones, users' too."""
    known = [*PACKAGES, "experiment"]
    others: list[str] = repository.get_group_options("", ObjectType.GROUP)
    return [*known, *(group for group in others if group not in (*known, "hydra"))]


def group_choices(repository: IConfigRepository, group: str) -> list[str]:
    """Return all names that a group can be set to: plug-ins and presets, in Python and YAML."""
    options: list[str] = repository.get_group_options(group, ObjectType.CONFIG)
    return options


def presets(repository: IConfigRepository, group: str) -> list[str]:
    """Return the choices of a group that are no plug-in's own name."""
    plugins = REGISTRIES[group].names() if group in REGISTRIES else []
    return [name for name in group_choices(repository, group) if name not in plugins]


def in_words(info: FieldInfo) -> str:
    """Return type and range: ``a number, at least 0``."""
    return f"{info.type}, {info.range}" if info.range and str(info.range) != "finite" else info.type


def field_lines(key: str, info: FieldInfo, chain: Sequence[Setting]) -> Iterator[str]:
    """Yield a field's value, type, range and meaning; if something but its dataclass set it, what."""
    last = chain[-1] if chain else None
    value = show(info.default) if last is None else last.text
    value = "" if value == MISSING else value
    changed = f", default {show(info.default)}, set in {last.where}" if last and len(chain) > 1 else ""
    yield f"  {key}={value}  ({in_words(info)}{changed})"
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
