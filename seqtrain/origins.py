"""Where each value of a config comes from.

Settings are applied in this order: the defaults of the chosen dataclasses, then presets and YAML files in the order of
Hydra's defaults list, then the command line. Errors, help and ``explain`` ask here.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.config_loader import ConfigLoader
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from seqtrain.config import SHARED
from seqtrain.errors import ConfigError
from seqtrain.fields import describe_fields
from seqtrain.nodes import is_mapping, make_room
from seqtrain.registry import REGISTRIES
from seqtrain.yaml_files import yaml_file, yaml_lines

COMMAND_LINE = "command line"


class Setting(NamedTuple):
    """One place that sets a key: ``text`` is what stands there, ``where`` FILE:LINE or the command line."""

    key: str
    value: Any
    text: str | None
    where: str
    delete: bool = False


@dataclass
class Origins:
    """What a composition is made of.

    Args:
        schema: the root with the chosen dataclasses and their defaults, and no other value.
        settings: what YAML files, presets and the command line set, in the order in which it counts.
        choices: the same for groups: ``Setting("model", "transformer_tiny", ...)``.
        dotted: keys in YAML that are no keys because they hold dots.
    """

    schema: DictConfig = field(default_factory=OmegaConf.create)
    settings: list[Setting] = field(default_factory=list)
    choices: list[Setting] = field(default_factory=list)
    dotted: list[Setting] = field(default_factory=list)

    def chain(self, key: str) -> list[Setting]:
        """Return all that sets a key or a group's choice, the dataclass's default first; the last one counts."""
        first, own = default_setting(self.schema, key), [*self.choices, *self.settings]
        return [*filter(None, [first]), *(s for s in own if s.key == key or self._is_in_mapping(s.key, key))]

    def last(self, key: str) -> Setting | None:
        """Return what set the value of a key, one in it or the mapping or list it is in; None if its dataclass did."""
        around = [s for s in self.settings if s.key == key or key.startswith((f"{s.key}.", f"{s.key}["))]
        found = around or [s for s in self.settings if self._is_in_mapping(s.key, key)]
        return found[-1] if found else None

    def _is_in_mapping(self, inner: str, key: str) -> bool:
        """Tell whether a key is that of a value in a mapping, whose own is the other."""
        if not inner.startswith(f"{key}."):
            return False
        return is_mapping(OmegaConf.select(self.schema, key, throw_on_resolution_failure=False))


def read_origins(loader: ConfigLoader, config_name: str, overrides: Sequence[str]) -> Origins:
    """Return what Hydra composes from: dataclasses, YAML files and overrides, one by one.

    Raises:
        HydraException: there is no such config or choice, or an override fits none.
        YAMLError: a file is no YAML.
    """
    parsed, repository = open_sources(loader, config_name, overrides)
    defaults = create_defaults_list(repository, config_name, parsed, prepend_hydra=True, skip_missing=False)
    origins = Origins()
    for default in defaults.defaults:
        if not (default.config_path or "hydra/").startswith(("hydra/", "_dummy")):
            _add_config(origins, default, repository)
    for override in parsed:
        if not override.get_key_element().lstrip("+~").startswith("hydra"):
            of_group = override not in defaults.config_overrides
            (origins.choices if of_group else origins.settings).extend(of_override(override))
    # Of several choices the outermost counts, wherever in its file it stands.
    chosen = defaults.overrides.known_choices
    origins.choices.sort(key=lambda choice: choice.text == chosen.get(choice.key))
    return origins


def open_sources(
    loader: ConfigLoader, config_name: str, overrides: Sequence[str]
) -> tuple[list[Override], IConfigRepository]:
    """Parse overrides, and open the directories of YAML, and of plug-ins, that they or the primary config name."""
    # Hydra has no public way to the sources of a composition that fails.
    parsed, repository = loader._parse_overrides_and_create_caching_repo(config_name, list(overrides))  # type: ignore[attr-defined]
    return parsed, repository


def default_setting(schema: DictConfig, key: str) -> Setting | None:
    """Return what a key's dataclass says, or None if there is no such field."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(schema, parent) if parent else schema
    config_type = OmegaConf.get_type(node) if isinstance(node, DictConfig) else None
    info = describe_fields(config_type).get(name) if config_type not in (None, dict) else None
    return None if info is None else Setting(key, info.default, show(info.default), shown_path(info.where))


def show(value: Any) -> str:
    """Return a value as it would be typed."""
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {show(item)}' for key, item in value.items())}}}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(getattr(value, "value", value))


def shown_path(where: str) -> str:
    """Return FILE or FILE:LINE as seen from the current directory if it lies below it."""
    below = os.path.relpath(where) if os.path.isabs(where) else where
    return where if below.startswith(os.pardir) else below


def _add_config(origins: Origins, default: ResultDefault, repository: IConfigRepository) -> None:
    path = str(default.config_path)
    result = repository.load_config(path)
    assert result is not None
    if not isinstance(result.config, DictConfig):
        raise ConfigError(f"{shown_path(str(yaml_file(result, path)))}:1: must hold keys and values, not a list")
    prefix = tuple(filter(None, str(default.package or "").split(".")))
    if result.path.startswith("structured:"):
        _add_dataclass(origins, path, ".".join(prefix), result.config)
    else:
        _add_file(origins, yaml_file(result, path), prefix, result.config, root="/" not in path)


def _add_dataclass(origins: Origins, path: str, key: str, config: DictConfig) -> None:
    """Put a dataclass into the schema; the values of a preset that are its own become settings."""
    plain = OmegaConf.structured(OmegaConf.get_type(config))
    if "_name" in plain:
        plain._name = config._name
    if key:
        make_room(origins.schema, key)
        is_there = OmegaConf.select(origins.schema, key) is not None  # OmegaConf can merge nothing into null
        OmegaConf.update(origins.schema, key, plain, merge=is_there, force_add=True)
    else:
        origins.schema = OmegaConf.merge(origins.schema, plain)  # type: ignore[assignment]  # of two DictConfigs
    group, _, name = path.rpartition("/")
    preset = REGISTRIES[group].presets().get(name) if group in REGISTRIES else None
    if preset is not None:
        defaults = dict(_leaves(_container(plain), ()))
        for leaf, value in _leaves(_container(config), ()):
            if defaults.get(leaf) != value:
                origins.settings.append(_setting((key, *leaf), value, preset.where))


def _add_file(origins: Origins, file: Path, prefix: tuple[str, ...], config: DictConfig, *, root: bool) -> None:
    lines, loaded = yaml_lines(file), yaml.safe_load(file.read_text(encoding="utf-8"))
    for leaf, value in _leaves(_container(config), ()):
        if (*prefix, *leaf)[0] != "hydra":
            line = next((lines[leaf[:n]] for n in range(len(leaf), 0, -1) if leaf[:n] in lines), 1)
            settings = origins.dotted if any("." in part for part in leaf) else origins.settings
            settings.append(_setting((*prefix, *leaf), value, f"{file}:{line}"))
    for path, line in lines.items():
        group = _group(path[-1], root) if path[0] == "defaults" and len(path) == 3 else ""
        if group:
            origins.choices.append(_setting((group,), _value_at(loaded, path), f"{file}:{line}"))


def _group(key: str, root: bool) -> str:
    """Return the group that a key of a defaults list chooses for the root: ``override /model`` chooses ``model``.

    Nothing if it chooses for another place, as ``model@pkg`` does, and one without a slash in a file of a group.
    """
    name = key.rsplit(maxsplit=1)[-1]
    return "" if "@" in name or not (root or name.startswith("/")) else name.lstrip("/")


def _value_at(value: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at a path of keys and numbers of items."""
    for part in path:
        value = value[int(part) if isinstance(value, list) else part]
    return value


def of_override(override: Override) -> Iterator[Setting]:
    """Yield what an override sets: each value of a mapping by itself."""
    typed, _, text = str(override.input_line).lstrip("+~").partition("=")
    key = _referred(typed)
    value = None if override.is_delete() else override.value()
    if isinstance(value, dict) and value:
        for leaf, below in _leaves(value, (key,)):
            yield Setting(".".join(leaf), below, show(below), COMMAND_LINE)
    else:
        yield Setting(key, value, None if override.is_delete() else text, COMMAND_LINE, override.is_delete())


def _setting(path: Iterable[str], value: Any, where: str) -> Setting:
    return Setting(_referred(".".join(filter(None, path))), value, show(value), shown_path(where))


def _referred(key: str) -> str:
    """Return the key that is set by one below a reference: ``task.tokenizer.x`` sets ``tokenizer.x``."""
    for name, reference in SHARED.items():
        if key.startswith(f"task.{name}."):
            return f"{reference}{key.removeprefix(f'task.{name}')}"
    return key


def _container(config: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(config, resolve=False)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values of nested mappings by their path; a list, or an empty mapping, is one value."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(below, (*path, str(key)))
    elif path:
        yield path, value
