from pathlib import Path

import pytest

from seqtrain.commands import plot
from seqtrain.commands._words import read_config_words
from seqtrain.errors import ConfigError


def test_words_of_its_own_and_those_for_training() -> None:
    words = ["--config-dir", "there", "output=a b.png", "model=x", "~tokenizer"]
    assert plot.parse(words) == (Path("a b.png"), ["--config-dir", "there", "model=x", "~tokenizer"])
    assert plot.parse(["output=a.png", "output=~/b.svg"])[0] == Path.home() / "b.svg"
    assert plot.parse([]) == (None, [])


@pytest.mark.parametrize("word", ["output=", "output=a.gif"])
def test_a_picture_that_is_none(word: str) -> None:
    with pytest.raises(ConfigError, match="ends in one of"):
        plot.parse([word])


def labels(*overrides: str) -> list[str]:
    return [label for label, _ in plot.configs(read_config_words(overrides, "plot"))]


def test_what_sets_schedules_apart() -> None:
    assert labels() == ["lr_scheduler=polynomial_decay"]
    assert labels("lr_scheduler=fixed", "optimizer.lr=1") == ["lr_scheduler=fixed"]
    assert labels("lr_scheduler=fixed,linear", "optimizer.lr=1") == ["lr_scheduler=fixed", "lr_scheduler=linear"]
    assert labels("lr_scheduler=fixed", "optimizer.lr=1,2") == ["optimizer.lr=1", "optimizer.lr=2"]


def test_more_than_can_be_told_apart() -> None:
    with pytest.raises(ConfigError, match="plot draws at most 8 schedules at once, not 9: leave out values"):
        labels("lr_scheduler=fixed", "optimizer.lr=1,2,3,4,5,6,7,8,9")
