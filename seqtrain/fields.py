"""What the fields of a config say of themselves: meaning, type, range, default, and the line they stand on."""

import ast
import dataclasses
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import MISSING

from seqtrain.errors import ConfigError


@dataclass(frozen=True)
class Range:
    """The finite numbers within some bounds; a bound that is None does not count."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            math.isfinite(number)
            and (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        bounds = {"at least": self.at_least, "above": self.above, "at most": self.at_most, "below": self.below}
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None) or "finite"


def bounded(
    default: Any = MISSING,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> Any:
    """Return a dataclass field for numbers within these bounds: one, a list of them, or the values of a mapping.

    Null is free where it fits.

    Raises:
        ConfigError: the default is out of its own range.
    """
    allowed = Range(at_least, above, at_most, below)
    metadata = {"range": allowed}
    if any(n not in allowed for n in _numbers_in(default)):
        raise ConfigError(f"the default {default} of a field must be {allowed}")
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass
class Checked:
    """Base of every config: it checks itself when it is made.

    Raises:
        ConfigError: a number is out of its field's range, or fields contradict each other.
    """

    def __post_init__(self) -> None:
        """Raise what is wrong."""
        found = self.contradictions() if not (wrong := self.out_of_range()) else ()
        if wrong := wrong or ([found] if isinstance(found, str) else list(found)):
            raise ConfigError("\n".join(wrong))

    def contradictions(self) -> Iterable[str]:
        """Return what is wrong between fields that are each in range, in words that name the keys, ``model.dropout``.

        Composing a config collects them, so that all mistakes are told at once. By default there are none.
        """
        return ()

    def out_of_range(self) -> list[str]:
        """Return what is wrong with each field by itself."""
        problems = ((name, value, problem_of(type(self), name, value)) for name, value in vars(self).items())
        return [f"{type(self).__name__}.{name}={value} {problem}" for name, value, problem in problems if problem]


def problem_of(config_type: type, name: str, value: Any) -> str:
    """Return what is wrong with the numbers in a field, ``must be at least 0``; nothing if they are in its range."""
    field = next((f for f in dataclasses.fields(config_type) if f.name == name), None)
    allowed = field.metadata.get("range") if field else None
    wrong = [n for n in _numbers_in(value) if allowed is not None and n not in allowed]
    if not wrong:
        return ""
    finite = " and finite" if not math.isfinite(wrong[0]) and str(allowed) != "finite" else ""
    return f"{'has numbers that ' if isinstance(value, list | dict) else ''}must be {allowed}{finite}"


def _numbers_in(value: Any) -> list[float]:
    """Return the numbers that a range is about: the value, the items of a list, or the values of a mapping.

    OmegaConf lets a mapping in as a value of a mapping of numbers; it counts as one that is in no range.
    """
    if isinstance(value, dict):
        return [math.nan if isinstance(item, dict) else item for item in value.values()]
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, int | float)]


@dataclass(frozen=True)
class FieldInfo:
    """A field as a user sees it: ``type`` in words, ``where`` as FILE:LINE."""

    name: str
    type: str
    default: Any
    range: Range | None
    meaning: str
    where: str

    @property
    def in_words(self) -> str:
        """Type and range, ``a number, at least 0``; that a number is finite goes without saying."""
        return self.type if self.range in (None, Range()) else f"{self.type}, {self.range}"


def describe_fields(config_type: type) -> dict[str, FieldInfo]:
    """Return the fields of a config by name, without those that are filled in by the program."""
    written: dict[str, tuple[str, str]] = {}
    for cls in reversed(config_type.__mro__):
        if dataclasses.is_dataclass(cls):
            written.update(_written(cls))
    types = get_type_hints(config_type)
    return {
        field.name: FieldInfo(
            field.name,
            type_in_words(types[field.name]),
            default_of(field),
            field.metadata.get("range"),
            *written.get(field.name, ("", config_type.__module__)),
        )
        for field in dataclasses.fields(config_type)
        if not field.name.startswith("_")
    }


def type_in_words(hint: Any) -> str:
    """Return a type as a user would call it: ``int | None`` is "an integer or null"."""
    if get_origin(hint) in (Union, UnionType):
        parts = [type_in_words(part) for part in get_args(hint) if part is not NoneType]
        return " or ".join([*parts, "null"] if NoneType in get_args(hint) else parts)
    if get_origin(hint) is list:
        return f"a list, each item {type_in_words(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return f"a mapping, each value {type_in_words(get_args(hint)[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {', '.join(hint.__members__)}"
    if dataclasses.is_dataclass(hint):
        return "a section"
    return {int: "an integer", float: "a number", bool: "true or false", str: "text"}.get(hint, "anything")


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """Return a field's default, ``???`` where it has none."""
    if field.default is not dataclasses.MISSING:
        return field.default
    return MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()


@cache
def _written(cls: type) -> dict[str, tuple[str, str]]:
    """Return the docstring below each field of one dataclass, and its FILE:LINE, as far as there is a source."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not Path(file).is_file():
        return {}
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(_parsed(file, Path(file).stat().st_mtime_ns)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            for field, below in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign):
                    found[ast.unparse(field.target)] = (_text(below), f"{file}:{field.lineno}")
    return found


@cache
def _parsed(file: str, _changed: int) -> ast.Module:
    """Return the syntax of a file as it was when it was last changed."""
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def _text(node: ast.stmt | None) -> str:
    """Return the text of a string that stands alone, on one line."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""
