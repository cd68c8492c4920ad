"""Find every mistake in the overrides and YAML that Hydra refuses to compose, instead of its first one.

Overrides that name no choice are put aside and the rest is opened; then each setting is applied by itself to the typed
schema, as Hydra would in one go.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigKeyError

from seqtrain.choices import REFUSALS, open_choices
from seqtrain.fields import type_in_words
from seqtrain.mistakes import (
    Mistake,
    based_on_nothing,
    find_mistakes,
    name_is_set,
    unknown_key,
    wrong_type,
)
from seqtrain.nodes import child_of, flatten, is_mapping, make_room
from seqtrain.origins import COMMAND_LINE, Origins, Setting, of_override
from seqtrain.registry import REGISTRIES


def diagnose(loader: ConfigLoader, config_name: str, overrides: Sequence[str]) -> list[str]:
    """Return a line for each mistake in what a root is composed of; none if it finds nothing wrong.

    Args:
        loader: Hydra's, initialised.
        config_name: the primary config.
        overrides: as on the command line.
    """
    mistakes: list[Mistake] = []
    kept = list(_readable(overrides, mistakes))
    origins = open_choices(loader, config_name, kept, mistakes)
    if origins is None:
        return [mistake.line() for mistake in mistakes]
    mistakes += _baseless(origins)
    mistakes += [Mistake(f"write it nested: {_nested(s)}", s.key, s.text, s.where) for s in origins.dotted]
    unclear = {m.key for m in mistakes if m.key in REGISTRIES}
    unclear |= {kind for kind in REGISTRIES if OmegaConf.is_missing(origins.schema, kind)}
    mistakes += _apply(origins.schema, origins.settings, unclear)
    wrong = {m.key for m in mistakes}
    sections = {key.split(".", 1)[0] for key in wrong}
    mistakes += [m for m in find_mistakes(origins.schema, sections) if m.key not in wrong or not m.key]
    return list(dict.fromkeys(mistake.line(origins) for mistake in mistakes))


def unreadable(overrides: Sequence[str]) -> list[str]:
    """Return a line for each override that is not in Hydra's grammar or has several values."""
    mistakes: list[Mistake] = []
    list(_readable(overrides, mistakes))
    return [mistake.line() for mistake in mistakes]


def apply_overrides(node: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Apply overrides to a typed root that is composed already; return a line for each one that is wrong."""
    mistakes: list[Mistake] = []
    parsed = [OverridesParser.create().parse_override(text) for text in _readable(overrides, mistakes)]
    mistakes += _apply(node, [setting for one in parsed for setting in of_override(one)], set())
    return [mistake.line() for mistake in mistakes]


def _readable(overrides: Sequence[str], mistakes: list[Mistake]) -> Iterator[str]:
    """Yield the overrides that are in Hydra's grammar and have one value."""
    for text in overrides:
        key, _, value = text.partition("=")
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:
            quoted = "['A','B']" if value.startswith("[") and value.endswith("]") else "'VALUE'"
            what = f'cannot be read; quote a value that holds special characters: "KEY={quoted}"'
            mistakes.append(Mistake(what, key, value, COMMAND_LINE))
            continue
        if override.is_sweep_override():
            what = "several values; write [A,B] for a list, or add -m to train once for each"
            mistakes.append(Mistake(what, key, value, COMMAND_LINE))
        else:
            yield text


def _nested(setting: Setting) -> str:
    """Return a dotted key of YAML as it has to be written: ``training: {seed: 3}``."""
    *outer, inner = setting.key.split(".")
    return "".join(f"{key}: {{" for key in outer) + f"{inner}: {setting.text}" + "}" * len(outer)


def _baseless(origins: Origins) -> Iterator[Mistake]:
    """Yield the groups whose choice is a YAML without a plug-in's dataclass."""
    for kind, registry in REGISTRIES.items():
        chosen = [choice for choice in origins.choices if choice.key == kind]
        if chosen and not chosen[-1].delete and OmegaConf.is_missing(origins.schema, kind):
            yield Mistake(based_on_nothing(registry), kind, chosen[-1].text, chosen[-1].where)


def _apply(node: DictConfig, settings: Sequence[Setting], unclear: set[str]) -> Iterator[Mistake]:
    """Apply each setting to the typed root, and yield what is wrong with it; of unclear groups nothing is known."""
    OmegaConf.set_struct(node, True)
    for setting in settings:
        group = setting.key.split(".", 1)[0]
        what = _set_of_base(group, setting) if group in unclear else _set(node, setting)
        if what:
            yield Mistake(what, setting.key, setting.text, setting.where)


def _set_of_base(group: str, setting: Setting) -> str:
    """Apply a setting of a group whose plug-in is not known, if all plug-ins of the kind have its field."""
    base = OmegaConf.create({group: OmegaConf.structured(REGISTRIES[group].config_base)})
    return _set(base, setting) if setting.key in set(flatten(base)) else ""


def _set(node: DictConfig, setting: Setting) -> str:
    """Apply a setting; return what is wrong with it, if anything."""
    key, group = setting.key, setting.key.split(".", 1)[0]
    if group in REGISTRIES and key.endswith("._name"):
        return name_is_set(key.removesuffix("._name"), setting.value)
    make_room(node, key)
    if (above := _mapping_above(node, key)) is not None:
        return _put(*above, setting)
    if not _exists(node, key):
        return _misplaced(node, group, setting.where) or unknown_key(key, list(flatten(node)))
    if setting.delete:
        return "cannot be taken away; set it to another value"
    return _update(node, key, setting.value)


def _misplaced(node: DictConfig, group: str, where: str) -> str:
    """Say how a preset begins of a kind that there may be several of; nothing if FILE:LINE is none, or begins so."""
    file = Path(where.rpartition(":")[0])
    if (
        group not in REGISTRIES
        or not REGISTRIES[group].several
        or file.parent.name != group
        or file.stem in node[group]
    ):
        return ""
    return f"begin the file with `# @package {group}.{file.stem}`, and below it `defaults: [NAME@_here_, _self_]`"


def _update(node: DictConfig, key: str, value: Any) -> str:
    try:
        OmegaConf.update(node, key, value, merge=True)
    except ConfigKeyError as error:
        below = str(getattr(error, "full_key", "") or key)
        return f"there is no such key as {below}"
    except REFUSALS:
        return wrong_type(node, key, value)
    return ""


def _exists(node: DictConfig, key: str) -> bool:
    """Tell whether a key is a field."""
    *parents, name = key.split(".")
    for parent in parents:
        below = child_of(node, parent) if parent in node else None
        if below is None:
            return False
        node = below
    return name in set(flatten(node))


def _mapping_above(node: DictConfig, key: str) -> tuple[DictConfig, str] | None:
    """Return the mapping that a key is in, and its key there; None if it is in none."""
    parent, _, rest = key.partition(".")
    child = child_of(node, parent) if rest and parent in node else None
    if child is None:
        return None
    return (child, rest) if is_mapping(child) else _mapping_above(child, rest)


def _put(mapping: DictConfig, key: str, setting: Setting) -> str:
    """Put a value into a mapping whose keys are text, or integers; return what is wrong with it, if anything."""
    by_number = mapping._metadata.key_type is int
    if by_number and not re.fullmatch(r"[-+]?\d+", key):
        return f"the key {key} must be an integer"
    try:
        with open_dict(mapping):
            mapping[int(key) if by_number else key] = setting.value
    except REFUSALS:
        return f"must be {type_in_words(mapping._metadata.element_type)}"
    return ""
