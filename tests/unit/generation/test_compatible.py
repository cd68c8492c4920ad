import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.base import Dataset, Dictionary, Task, TaskInfo
from seqtrain.config import TaskConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.compatible import check_ensemble, check_language_model
from seqtrain.generation.fusion import LanguageModel

Make = Callable[..., Any]


class Translation(Task[TaskInfo]):
    """A task of which only ``info`` is asked."""

    def __init__(self, info: TaskInfo) -> None:
        super().__init__(TaskConfig())
        self.info = info

    def dataset(self, split: str) -> Dataset:
        raise AssertionError


class Another(Translation):
    """Another task."""


@pytest.mark.parametrize(
    ("limits", "expected"),
    [([(9, 9), (9, 9)], 0), ([(9, 9), (8, 9), (9, 8)], None), ([(9, 9), (7, 8), (7, 9)], 1), ([(9, 9), (9, 5)], 1)],
)
def test_the_lowest_limits_hold(make_task: Make, limits: list[tuple[int, int]], expected: int | None) -> None:
    named = [(f"m{n}", Translation(make_task(max_positions=limit))) for n, limit in enumerate(limits)]
    if expected is not None:
        assert check_ensemble(named) == expected
        return
    said = "m1 and m2 are no ensemble: the one has the lower limit of source tokens, 8, the other of target tokens, 8"
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_ensemble(named)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"letters": "abd"}, "their source dictionaries differ first in symbol 6: 'c' and 'd'"),
        (
            {"letters": "abcd"},
            "their source dictionaries have 7 and 8 symbols and differ first in symbol 7: None and 'd'",
        ),
        ({"predicts": "task.target=past"}, "the one has task.target=future and the other task.target=past"),
        ({"decoding_start": 0}, "the one starts from $ and the other from ^"),
    ],
)
def test_models_that_do_not_go_together(make_task: Make, other: dict[str, Any], why: str) -> None:
    tasks = [make_task(predicts="task.target=future"), make_task(**{"predicts": "task.target=future", **other})]
    with pytest.raises(ConfigError, match=re.escape(f"A and C are no ensemble: {why}; name models of one task")):
        check_ensemble([("A", Translation(tasks[0])), ("B", Translation(tasks[0])), ("C", Translation(tasks[1]))])


class Otherwise(Dictionary):
    """The symbols of another dictionary; text is split in another way."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary

    def __len__(self) -> int:
        return len(self.dictionary)

    def symbol(self, id: int) -> str:
        return self.dictionary.symbol(id)

    def encode(self, text: str) -> list[int]:
        return self.dictionary.encode(text)[::-1]

    def decode(self, ids: Iterable[int]) -> str:
        raise AssertionError


def test_target_dictionaries_and_how_they_split_text(make_task: Make) -> None:
    left, right = make_task("abc").source_dictionary, make_task("abd").source_dictionary
    one, two, three = TaskInfo(left, left), TaskInfo(left, right), TaskInfo(Otherwise(left), left)
    with pytest.raises(ConfigError, match="their target dictionaries differ first in symbol 6: 'c' and 'd'"):
        check_ensemble([("A", Translation(one)), ("B", Translation(two))])
    with pytest.raises(ConfigError, match="source dictionaries have the same symbols and split text in different ways"):
        check_ensemble([("A", Translation(one)), ("B", Translation(three))])


def test_other_tasks(make_task: Make) -> None:
    with pytest.raises(ConfigError, match="the one has Translation and the other Another"):
        check_ensemble([("A", Translation(make_task())), ("B", Another(make_task()))])


def test_a_language_model_that_fits(make_task: Make, language_model: Make, table_model: Make) -> None:
    def check(language: LanguageModel, letters: str = "abc") -> None:
        check_language_model("lm_path=L", language, make_task(letters).target_dictionary, Path("run/tokenizer"))

    task = make_task(predicts="task.target=future")
    check(LanguageModel(language_model({}, task), task))
    with pytest.raises(
        ConfigError, match=r"lm_path=L: its dictionary and that of the targets have 7 and 6 symbols.*run/tok"
    ):
        check(LanguageModel(language_model({}, task), task), "ab")
    with pytest.raises(ConfigError, match="lm_path=L: this is no language model; train one"):
        check(LanguageModel(table_model({}), task))
    task = make_task(predicts="task.target=self")
    with pytest.raises(ConfigError, match=r"it has task.target=self; a search needs what predicts the next token"):
        check(LanguageModel(language_model({}, task), task))
