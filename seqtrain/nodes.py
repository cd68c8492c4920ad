"""Nodes of a composed config: which keys are fields, what lies below them, and where there is room for more."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from seqtrain.config import ROOTS, PluginConfig
from seqtrain.registry import REGISTRIES


def child_of(node: DictConfig, key: str) -> DictConfig | None:
    """Return the node below a key, unless that is a value or stands elsewhere."""
    if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key):
        return None
    child = node[key]
    return child if isinstance(child, DictConfig) else None


def is_mapping(node: Any) -> bool:
    """Tell whether a node is a mapping of values, whose keys are no fields; one of sections is a section itself."""
    if not isinstance(node, DictConfig) or OmegaConf.get_type(node) is not dict:
        return False
    return not dataclasses.is_dataclass(node._metadata.element_type)


def is_field(node: DictConfig, key: str) -> bool:
    """Tell whether a key is one of a node's dataclass, or at the root a further kind of plug-in that was added."""
    config_type = OmegaConf.get_type(node)
    if not dataclasses.is_dataclass(config_type) or key in {f.name for f in dataclasses.fields(config_type)}:
        return True
    return config_type in ROOTS.values() and key in REGISTRIES


def flatten(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield every key of a node that is a field, with dots; a mapping is a value."""
    for key in map(str, node):
        if not key.startswith("_") and is_field(node, key):
            yield f"{prefix}{key}"
            if (child := child_of(node, key)) is not None and not is_mapping(child):
                yield from flatten(child, f"{prefix}{key}.")


def extra_keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield the keys that no field of the node's dataclasses stands for, such as ``+`` adds."""
    for key in map(str, node):
        if not is_field(node, key):
            yield f"{prefix}{key}"
        elif (child := child_of(node, key)) is not None and not is_mapping(child):
            yield from extra_keys(child, f"{prefix}{key}.")


def plugins_of(node: DictConfig, kind: str) -> dict[str, Any]:
    """Return what a root holds of a kind of plug-in, by key: one node, or any number of a kind with several."""
    if not REGISTRIES[kind].several:
        return {kind: node.get(kind)}
    return {f"{kind}.{name}": below for name, below in (node.get(kind) or {}).items()}


def raw(section: DictConfig) -> dict[str, Any]:
    """Return the values of a section as they were written, references unresolved."""
    container = OmegaConf.to_container(section, resolve=False)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def make_room(node: DictConfig, key: str) -> None:
    """Add the section that a key lies in if it is to be in a mapping of sections, and is not there yet."""
    for name in key.split(".")[:-1]:
        if OmegaConf.get_type(node) is dict:
            section = node._metadata.element_type
            if not (isinstance(section, type) and dataclasses.is_dataclass(section)) or issubclass(
                section, PluginConfig
            ):
                return  # a plug-in is there when it is chosen
            if name not in node:
                with open_dict(node):
                    node[name] = section
        below = node._get_node(name) if name in node else None
        if not isinstance(below, DictConfig) or below._is_none() or below._is_missing() or below._is_interpolation():
            return
        node = below
