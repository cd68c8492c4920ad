import importlib.util
import os
import sys
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from seqtrain.errors import ConfigError
from seqtrain.fields import Checked, Range, bounded, describe_fields, problem_of, type_in_words


class Fruit(str, Enum):
    apple = "apple"
    pear = "pear"


@dataclass
class Basket(Checked):
    """A config with a field of each sort."""

    size: int = bounded(3, at_least=1)
    """Fruits that fit
    in."""
    shares: list[float] = bounded([0.5], above=0, below=1)
    """Shares."""
    limit: float | None = bounded(None, at_most=2)
    """Limit."""
    fruit: Fruit = Fruit.apple
    names: list[str] = field(default_factory=list)
    """Names."""

    def contradictions(self) -> list[str]:
        return ["basket.size=9 is unlucky"] if self.size == 9 else []


@pytest.mark.parametrize(
    ("bounds", "words", "inside", "outside"),
    [
        ({"at_least": 0}, "at least 0", [0, 1e9], [-1e-9, float("inf"), float("nan")]),
        ({"above": 0, "at_most": 1}, "above 0 and at most 1", [1e-9, 1], [0, 1.5]),
        ({"at_least": 0, "below": 1}, "at least 0 and below 1", [0, 0.99], [1, -0.1]),
        ({}, "finite", [-5, 5], [float("inf"), float("-inf")]),
    ],
)
def test_range(bounds: dict[str, float], words: str, inside: list[float], outside: list[float]) -> None:
    allowed = Range(**bounds)
    assert str(allowed) == words
    assert all(number in allowed for number in inside)
    assert not any(number in allowed for number in outside)


@dataclass
class Prices(Checked):
    """Numbers by a number."""

    by_size: dict[int, float] = bounded({}, at_least=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "Basket.size=0 must be at least 1"),
        ({"shares": [0.5, 1.0]}, "Basket.shares=[0.5, 1.0] has numbers that must be above 0 and below 1"),
        ({"limit": float("-inf")}, "Basket.limit=-inf must be at most 2 and finite"),
        ({"size": 0, "limit": 3}, "Basket.size=0 must be at least 1\nBasket.limit=3 must be at most 2"),
        ({"size": 9}, "basket.size=9 is unlucky"),
    ],
)
def test_a_config_checks_itself(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Basket(**values)
    assert str(error.value) == message


def test_the_values_of_a_mapping_are_checked_and_its_keys_are_not() -> None:
    Prices(by_size={-1: 0.5})
    with pytest.raises(ConfigError, match=r"^Prices.by_size=\{1: 0.5, 2: -1\} has numbers that must be at least 0$"):
        Prices(by_size={1: 0.5, 2: -1})
    with pytest.raises(ConfigError, match=r"^Prices.by_size=\{1: \{2: 3\}\} has numbers that must be at least 0"):
        Prices(by_size={1: {2: 3}})  # type: ignore[dict-item]  # as it comes from the command line


def test_null_and_references_are_not_numbers() -> None:
    assert Basket(limit=None).limit is None
    assert problem_of(Basket, "size", "${training.seed}") == ""


def test_defaults_are_not_shared() -> None:
    Basket().shares.append(0.1)
    assert Basket().shares == [0.5]
    Prices().by_size[1] = 2.0
    assert Prices().by_size == {}


def test_fields_as_a_user_sees_them() -> None:
    infos = describe_fields(Basket)
    assert list(infos) == ["size", "shares", "limit", "fruit", "names"]
    assert [info.type for info in infos.values()] == [
        "an integer", "a list, each item a number", "a number or null", "one of apple, pear", "a list, each item text",
    ]  # fmt: skip
    assert [info.default for info in infos.values()] == [3, [0.5], None, Fruit.apple, []]
    assert infos["size"].meaning == "Fruits that fit in."
    assert infos["fruit"].meaning == ""
    assert infos["size"].where == f"{__file__}:{_line('size: int')}"


def test_type_and_range_in_words() -> None:
    infos = describe_fields(Basket)
    assert infos["size"].in_words == "an integer, at least 1"
    assert infos["fruit"].in_words == "one of apple, pear"
    assert replace(infos["limit"], range=Range()).in_words == "a number or null", "finite goes without saying"


def test_meanings_and_lines_are_those_of_the_file_as_it_is_imported(tmp_path: Path) -> None:
    """As in a notebook: import, edit, import again."""
    file = tmp_path / "edited_config.py"
    text = 'from dataclasses import dataclass\n\n\n@dataclass\nclass Edited:\n    size: int = 1\n    """{}"""\n'
    for time, (top, meaning) in enumerate([("", "Before."), ("\n", "After.")]):
        file.write_text(top + text.format(meaning))
        os.utime(file, (time, time))
        spec = importlib.util.spec_from_file_location("edited_config", file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["edited_config"] = module
        spec.loader.exec_module(module)
        info = describe_fields(module.Edited)["size"]
        assert (info.meaning, info.where) == (meaning, f"{file}:{6 + len(top)}")
    del sys.modules["edited_config"]


def test_other_types_in_words() -> None:
    words = [type_in_words(hint) for hint in (bool, dict[str, int], Basket, Any)]
    assert words == ["true or false", "a mapping, each value an integer", "a section", "anything"]


def _line(text: str) -> int:
    with open(__file__, encoding="utf-8") as file:
        return next(n for n, line in enumerate(file, start=1) if line.strip().startswith(text))


@pytest.mark.parametrize("default", [0, [1, 0], {"a": 1, "b": 0}])
def test_a_default_out_of_its_range(default: Any) -> None:
    with pytest.raises(ConfigError, match="must be at least 1"):
        bounded(default, at_least=1)
