"""The schema of each kind of YAML file: which keys it may have depends on what its defaults list chooses."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from seqtrain.config import ROOTS
from seqtrain.registry import REGISTRIES
from seqtrain.schema.choices import Choices, Chosen, based_on
from seqtrain.schema.types import DEFINITIONS, REFERENCE, Schema, of_config

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_HYDRA = {"description": "Hydra's own settings, such as run.dir and searchpath."}
_SELF = "_self_"

_IN_EXPERIMENTS = ("override /{}",)
_IN_PRIMARIES = ("override {}", "override /{}", "{}", "/{}")
"""How a defaults list chooses for a group."""


def schemas(choices: Choices) -> dict[str, Schema]:
    """Return the schema of each kind of file: ``config``, ``experiment``, and each group's."""
    plugins = choices.plugins.items()
    groups = {
        group: _of_group(group, {based_on(group, name): of for name, of in names.items()}) for group, names in plugins
    }
    return {"config": _of_primaries(choices), "experiment": _of_experiments(choices), **groups}


def _of_group(group: str, names: Mapping[str, str]) -> Schema:
    """A preset: values for the plug-in that it is based on."""
    description = "What this is based on, a plug-in or a preset, and _self_."
    defaults = {**_defaults_list(description, names, {}), "contains": {"enum": sorted(names)}}
    rules = [
        {"if": _lists({"enum": _standing_for(plugin, names)}), "then": _keys_of(group, plugin, {"defaults": True})}
        for plugin in sorted(set(names.values()))
    ]
    return _document(
        f"a file in {group}/",
        {"required": ["defaults"], "properties": {"defaults": defaults}, "allOf": rules},
    )


def _of_experiments(choices: Choices) -> Schema:
    """A recipe: what it chooses, and values for any key."""
    description = "What this recipe chooses, `override /GROUP: NAME`; another recipe that it is based on; and _self_."
    defaults = _defaults_list(description, choices.experiments, _choosing_any(choices, _IN_EXPERIMENTS))
    otherwise = choices.primaries.get("config", {})
    rules = _rules_for_groups(choices, choices.experiments, _IN_EXPERIMENTS, otherwise)
    return _document("a file with `# @package _global_`", _root("train", defaults, list(rules), choices))


def _of_primaries(choices: Choices) -> Schema:
    """A primary config: based on another one, or on the root of a command."""
    description = "The primary config that this is based on; what it chooses, `override GROUP: NAME`; and _self_."
    defaults = _defaults_list(description, choices.primaries, _choosing_any(choices, _IN_PRIMARIES))
    defaults["contains"] = {"enum": sorted(choices.primaries)}
    rules = []
    for command in ROOTS:
        names = sorted(name for name, of in choices.commands.items() if of == command)
        bases = {name: choices.primaries[name] for name in names}
        below = _rules_for_groups(choices, bases, _IN_PRIMARIES, None) if command == "train" else []
        rules.append({"if": _lists({"enum": names}), "then": _root(command, {}, list(below), choices)})
    return _document(
        "a primary config", {"required": ["defaults"], "properties": {"defaults": defaults}, "allOf": rules}
    )


def _document(title: str, schema: Schema) -> Schema:
    return {"$schema": DRAFT, "title": f"seqtrain: {title}", "type": "object", **schema, "$defs": DEFINITIONS}


def _root(command: str, defaults: Schema, rules: list[Schema], choices: Choices) -> Schema:
    """The keys of a command's root; those of groups with one plug-in are left to the rules."""
    schema = of_config(ROOTS[command], {"defaults": defaults, "hydra": _HYDRA})
    properties = schema["properties"]
    for group in REGISTRIES.keys() & properties.keys():
        properties[group] = {"type": "object", "description": properties[group]["description"]}
        if REGISTRIES[group].several:
            named = choices.plugins.get(group, {}).items()
            properties[group]["properties"] = {name: _keys_of(group, plugin, {}) for name, plugin in named}
    return {**schema, "allOf": rules} if rules else schema


def _rules_for_groups(
    choices: Choices, bases: Mapping[str, Chosen], forms: Sequence[str], otherwise: Chosen | None
) -> Iterator[Schema]:
    """Yield what says which keys each group has: those of the plug-in that is chosen, or none.

    Args:
        choices: what there is.
        bases: what other files of this kind choose, which this one may be based on.
        forms: how a defaults list chooses for a group.
        otherwise: what counts for a file that is based on none of them.
    """
    fields = {field.name for field in dataclasses.fields(ROOTS["train"])}
    for group, names in choices.plugins.items():
        if group in fields and not REGISTRIES[group].several:
            chooses = _lists(_choosing(group, forms))
            for plugin in [*sorted(set(names.values())), None]:
                inherited = [_lists({"enum": same})] if (same := _choosing_same(bases, group, plugin)) else []
                if otherwise is not None and otherwise.get(group) == plugin:
                    inherited.append({"not": _lists({"enum": sorted(bases)})})
                conditions = [{"not": chooses, "anyOf": inherited}] if inherited else []
                if plugin is not None:
                    conditions.append(_lists(_choosing(group, forms, _standing_for(plugin, names))))
                if conditions:
                    yield {"if": {"anyOf": conditions}, "then": {"properties": {group: _keys_of(group, plugin, {})}}}


def _choosing_same(bases: Mapping[str, Chosen], group: str, plugin: str | None) -> list[str]:
    return sorted(name for name, chosen in bases.items() if chosen.get(group) == plugin)


def _standing_for(plugin: str, names: Mapping[str, str]) -> list[str]:
    return sorted(name for name, other in names.items() if other == plugin)


def _keys_of(group: str, plugin: str | None, more: Mapping[str, Any]) -> Any:
    return False if plugin is None else of_config(REGISTRIES[group].entry(plugin).config_type, more)


def _lists(item: Schema) -> Schema:
    """The condition that the defaults list has such an item."""
    return {"required": ["defaults"], "properties": {"defaults": {"contains": item}}}


def _choosing(group: str, forms: Sequence[str], names: Sequence[str] | None = None) -> Schema:
    """An item that chooses for a group: one of some names, or any."""
    wanted: Any = True if names is None else {"enum": list(names)}
    keys = [form.format(group) for form in forms]
    return {"type": "object", "anyOf": [{"required": [key], "properties": {key: wanted}} for key in keys]}


def _choosing_any(choices: Choices, forms: Sequence[str]) -> dict[str, Schema]:
    """The properties of items that choose: for each group one of its names, or a list of them."""
    found: dict[str, Schema] = {}
    for group, names in choices.plugins.items():
        one: Schema = {"enum": sorted(names)}
        several = [{"type": "array", "items": one}] if REGISTRIES[group].several else []
        found |= {form.format(group): {"anyOf": [one, *several, REFERENCE]} for form in forms}
    return found


def _defaults_list(description: str, names: Collection[str], properties: Mapping[str, Schema]) -> Schema:
    """A defaults list; names of other kinds of files are Hydra's to check."""
    choosing = {"type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1}
    items = {"anyOf": [{"enum": [*sorted(names), _SELF]}, {"type": "string"}, choosing]}
    return {"type": "array", "description": description, "items": items}
