"""What a field of a config takes, as JSON Schema: what OmegaConf takes for its type, within its range.

What OmegaConf would convert although it is a slip more often than not is left out: numbers in quotes, 1 for true, and
true for text, which would become "True". One thing cannot be said: JSON Schema takes 3.0 for an integer, OmegaConf not.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import MISSING

from seqtrain.config import PluginConfig
from seqtrain.fields import FieldInfo, Range, describe_fields

Schema = dict[str, Any]

DEFINITIONS: Schema = {"reference": {"type": "string", "pattern": r"\$\{|^\?\?\?$"}}
"""What the schemas below refer to: the text of an interpolation, or the mark of a value that is still missing."""

REFERENCE = {"$ref": "#/$defs/reference"}

# YAML 1.1, which OmegaConf reads, has words for true and false that YAML 1.2, which editors read, takes for text.
_WORDS = "^(?:[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$"

_CONVERTED: Mapping[Any, Schema] = {
    str: {"type": ["string", "number"]},
    bool: {"type": ["boolean", "string"], "pattern": _WORDS},
    Path: {"type": "string"},
    list: {"type": "array"},
    dict: {"type": "object"},
    NoneType: {"type": "null"},
}
_IN_A_UNION: Mapping[Any, Schema] = {**_CONVERTED, str: {"type": "string"}, bool: {"type": "boolean"}}
"""Of several types OmegaConf converts nothing."""

_CHOSEN: Schema = {"anyOf": [{"type": ["object", "null"]}, REFERENCE]}
"""What a file may say of a plug-in in another one, which its defaults list chooses."""

_NOT_NAN: Schema = {"not": {"minimum": 1, "maximum": 0}}
"""NaN alone fails neither comparison."""


def of_config(config_type: type, more: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of a mapping with the fields of a dataclass, the properties ``more``, and no other key."""
    hints, fields = get_type_hints(config_type), describe_fields(config_type)
    properties = {name: of_field(hints[name], info) for name, info in fields.items()}
    return {"type": "object", "properties": {**(more or {}), **properties}, "additionalProperties": False}


def of_field(hint: Any, info: FieldInfo) -> Schema:
    """Return the schema of a field with what an editor shows of it: meaning, type, range, default."""
    meaning = f"{info.meaning} ({info.in_words})".replace("``", "`").lstrip()
    value = _CHOSEN if _is_chosen(hint, info.default) else of_value(hint, info.range)
    return {**value, "description": meaning, **_default(info.default)}


def _is_chosen(hint: Any, default: Any) -> bool:
    """Tell whether a field is for a plug-in that a defaults list chooses, so that its type does not say its keys."""
    is_plugin = any(isinstance(one, type) and issubclass(one, PluginConfig) for one in (hint, *get_args(hint)))
    return is_plugin and not str(default).startswith("${")


def of_value(hint: Any, allowed: Range | None = None) -> Schema:
    """Return the schema of a value of some type; but for a section, a reference may stand for it."""
    options = list(_options(hint, allowed, _CONVERTED))
    if options and (hint in (Any, str) or dataclasses.is_dataclass(hint)):
        return options[0]
    return {"anyOf": [*options, REFERENCE]}


def _options(hint: Any, allowed: Range | None, plain: Mapping[Any, Schema]) -> Iterator[Schema]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        of_several = len(set(arguments) - {NoneType}) > 1
        for part in arguments:
            yield from _options(part, allowed, _IN_A_UNION if of_several else plain)
    elif origin in (list, tuple):
        yield {"type": "array", "items": _item(arguments[0], allowed)}
    elif origin is dict:
        yield {"type": "object", **_keys(arguments[0]), "additionalProperties": of_value(arguments[1], allowed)}
    elif hint in (int, float):
        yield _number("integer" if hint is int else "number", allowed)
    elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
        # A plug-in's config inside of another stands for a group: it can only be a reference.
        if not issubclass(hint, PluginConfig):
            yield of_config(hint)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield {"enum": list(hint.__members__)}
    else:
        yield plain.get(hint, {})


def _number(kind: str, allowed: Range | None) -> Schema:
    if allowed is None:
        return {"type": kind}
    lower = {"minimum": allowed.at_least, "exclusiveMinimum": allowed.above}
    upper = {"maximum": allowed.at_most, "exclusiveMaximum": allowed.below}
    bounds = {key: bound for key, bound in {**lower, **upper}.items() if bound is not None}
    if kind == "integer":
        return {"type": kind, **bounds}
    largest = sys.float_info.max
    finite = {} if bounds.keys() & lower.keys() else {"minimum": -largest}
    finite |= {} if bounds.keys() & upper.keys() else {"maximum": largest}
    return {"type": kind, **finite, **bounds, **_NOT_NAN}


def _item(hint: Any, allowed: Range | None) -> Schema:
    """Return the schema of what is in a list: nothing else gives a section in it the fields without a default."""
    schema = of_value(hint, allowed)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return {**schema, "required": [name for name, info in describe_fields(hint).items() if info.default == MISSING]}
    return schema


def _keys(hint: Any) -> Schema:
    """Return what the keys of a mapping must be; in JSON all are text."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"propertyNames": {"enum": list(hint.__members__)}}
    names = {str: {"type": "string"}, int: {"pattern": "^[-+]?[0-9]+$"}}
    return {"propertyNames": names[hint]} if hint in names else {}


def _default(value: Any) -> Schema:
    """Return a default to show, if there is one that JSON can hold."""
    plain = _plain(value)
    try:
        json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError):
        return {}
    return {} if plain == MISSING else {"default": plain}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
