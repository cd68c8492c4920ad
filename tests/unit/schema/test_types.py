import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from omegaconf import II, MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqtrain.config import PluginConfig, TokenizerConfig
from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.schema.types import DEFINITIONS, of_config


class Colour(str, Enum):
    """Its names are what YAML says, not its values."""

    red = "r"
    blue = "b"


@dataclass
class Part:
    """A section of a section."""

    name: str = MISSING
    """What it is called."""
    weight: float | None = bounded(None, at_least=0)
    """What it weighs."""


@dataclass
class Config(PluginConfig):
    """One field of each type."""

    free_integer: int = 0
    """Any."""
    integer: int = bounded(1, at_least=1, at_most=9)
    """From 1 to 9."""
    free_number: float = 0.0
    """Any."""
    share: float = bounded(0.0, at_least=0, below=1)
    """Below 1."""
    positive: float = bounded(1.0, above=0)
    """Above 0."""
    finite: float = bounded(1.0)
    """Any that is finite."""
    flag: bool = False
    """Yes or no."""
    text: str = "a"
    """Some words."""
    path: Path = Path("a")
    """A file."""
    colour: Colour = Colour.red
    """A colour."""
    maybe: int | None = bounded(None, at_least=1)
    """From 1, or nothing."""
    either: int | str = 1
    """Both."""
    shares: list[float] = bounded([0.5], at_least=0, below=1)
    """Several."""
    colours: list[Colour] = field(default_factory=list)
    """Several."""
    parts: list[Part] = field(default_factory=list)
    """Several sections."""
    part: Part = field(default_factory=lambda: Part(name="a"))
    """One section."""
    by_name: dict[str, float] = field(default_factory=dict)
    """Numbers."""
    by_colour: dict[Colour, int] = field(default_factory=dict)
    """Numbers."""
    by_number: dict[int, int] = field(default_factory=dict)
    """Numbers."""
    by_number_in_range: dict[int, float] = bounded({1: 0.5}, at_least=0)
    """Numbers."""
    anything: Any = None
    """Whatever."""
    tokenizer: TokenizerConfig = II("tokenizer")
    """What stands elsewhere."""


SCHEMA = {**of_config(Config), "$defs": DEFINITIONS}
VALIDATOR = Draft202012Validator(SCHEMA)
NAMES = [f.name for f in dataclasses.fields(Config) if not f.name.startswith("_")]


def is_taken(key: str, value: Any) -> bool:
    """Tell whether OmegaConf and the config itself take a value, as in composing."""
    try:
        node = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.create({key: value}))
        OmegaConf.to_object(OmegaConf.create({"tokenizer": TokenizerConfig(), "config": node}))
    except (OmegaConfBaseException, ConfigError, ValueError):
        return False
    return True


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.integers(),
    st.floats().filter(lambda number: not number.is_integer()),
    st.text("ab1.- ", max_size=4),
    st.sampled_from([*Colour.__members__, *(c.value for c in Colour), "yes", "off", "nan", "name", "weight"]),
)
KEYS = st.one_of(st.sampled_from(["name", "weight", "red", "r"]), st.integers(0, 3), st.text("ab", max_size=2))
VALUES = st.recursive(
    SCALARS, lambda values: st.lists(values, max_size=3) | st.dictionaries(KEYS, values, max_size=2), max_leaves=4
)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), VALUES)
def test_what_is_not_taken_is_not_valid(key: str, value: Any) -> None:
    assert is_taken(key, value) or not VALIDATOR.is_valid({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("integer", 1),
        ("integer", 9),
        ("integer", "${training.max_update}"),
        ("free_integer", -7),
        ("share", 0),
        ("share", 0.999),
        ("share", "???"),
        ("positive", 1e-300),
        ("free_number", float("inf")),
        ("flag", True),
        ("flag", "on"),
        ("flag", "No"),
        ("text", ""),
        ("text", 2016),
        ("text", 0.5),
        ("path", "a/b"),
        ("colour", "blue"),
        ("maybe", None),
        ("maybe", 3),
        ("either", 3),
        ("either", "three"),
        ("shares", []),
        ("shares", [0, 0.5, "${share}"]),
        ("shares", "${other.shares}"),
        ("colours", ["red", "red"]),
        ("parts", [{"name": "a"}, {"name": "b", "weight": None}]),
        ("part", {"weight": 0}),
        ("by_name", {"a": 1, "b": 0.5}),
        ("by_colour", {"red": 1}),
        ("by_number", {"1": 1}),
        ("by_number", {1: 1}),
        ("anything", [{"a": None}]),
        ("tokenizer", "${tokenizer}"),
    ],
)
def test_what_is_valid(key: str, value: Any) -> None:
    assert VALIDATOR.is_valid({key: value}), list(VALIDATOR.iter_errors({key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unknown", 1),
        ("_name", "config"),
        ("integer", 0),
        ("integer", 10),
        ("integer", 1.5),
        ("integer", "1"),
        ("integer", True),
        ("integer", None),
        ("share", 1),
        ("share", -1e-9),
        ("share", float("nan")),
        ("share", "half"),
        ("positive", 0),
        ("positive", float("inf")),
        ("finite", float("nan")),
        ("finite", float("-inf")),
        ("flag", 1),
        ("flag", "perhaps"),
        ("text", None),
        ("text", False),
        ("text", ["a"]),
        ("colour", "b"),
        ("colour", "green"),
        ("maybe", 0),
        ("either", [1]),
        ("shares", 0.5),
        ("shares", [0.5, 1]),
        ("shares", [None]),
        ("colours", ["green"]),
        ("parts", {"name": "a"}),
        ("parts", [{"weight": 1}]),
        ("parts", [{"name": "a", "weight": -1}]),
        ("parts", [{"name": "a", "size": 1}]),
        ("part", {"size": 1}),
        ("part", None),
        ("by_name", {"a": "b"}),
        ("by_colour", {"green": 1}),
        ("by_number", {"a": 1}),
        ("tokenizer", {"vocab_size": 8}),
    ],
)
def test_what_is_not_valid(key: str, value: Any) -> None:
    assert not VALIDATOR.is_valid({key: value})


def test_json_schema_knows_no_difference_between_3_and_3_0() -> None:
    assert not is_taken("integer", 3.0)
    assert VALIDATOR.is_valid({"integer": 3.0})


def test_what_an_editor_shows() -> None:
    fields = SCHEMA["properties"]
    assert fields["share"]["description"] == "Below 1. (a number, at least 0 and below 1)"
    assert fields["share"]["default"] == 0.0
    assert fields["colour"]["default"] == "red"
    assert fields["shares"]["default"] == [0.5]
    assert "default" not in fields["parts"]["anyOf"][0]["items"]["properties"]["name"]
    assert "default" not in fields["part"]


def test_a_default_that_json_cannot_hold_is_left_out() -> None:
    @dataclass
    class Unlimited(PluginConfig):
        limit: float = float("inf")

    assert "default" not in of_config(Unlimited)["properties"]["limit"]


def test_a_plug_in_that_a_defaults_list_chooses_may_have_any_key() -> None:
    @dataclass
    class Part(PluginConfig):
        chosen: TokenizerConfig = MISSING
        optional: TokenizerConfig | None = None

    fields = of_config(Part)["properties"]
    for name in ("chosen", "optional"):
        validator = Draft202012Validator({**fields[name], "$defs": DEFINITIONS})
        assert validator.is_valid({"vocab_size": 8})
        assert validator.is_valid("${tokenizer}")
        assert not validator.is_valid("char")
