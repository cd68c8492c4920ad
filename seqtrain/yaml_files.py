"""The YAML files that Hydra composes from, and the lines of the keys in them."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import yaml
from hydra.plugins.config_source import ConfigResult


def yaml_file(result: ConfigResult, config_path: str) -> Path:
    """Return the file of a config that one of Hydra's sources found."""
    scheme, _, place = result.path.partition("://")
    base = Path(str(resources.files(place.replace("/", ".")))) if scheme == "pkg" else Path(place)
    return base / (config_path if config_path.endswith(".yaml") else f"{config_path}.yaml")


def yaml_lines(file: Path) -> dict[tuple[str, ...], int]:
    """Return the line, from 1, of each key of a YAML file; items of a list count as keys ``0``, ``1``, ..."""
    return dict(_lines(yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader), ()))


def _lines(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, str(key.value)), key.start_mark.line + 1
            yield from _lines(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, str(index)), value.start_mark.line + 1
            yield from _lines(value, (*path, str(index)))
