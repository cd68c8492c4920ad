"""A run with a mistake ends at once: nothing is read, nothing is written, and the mistake is all that is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

SEED = "training.sed=1 (command line): there is no such key; did you mean training.seed?"
BEAM = "generation.beem=2 (command line): there is no such key; did you mean generation.beam?"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["task.data=nowhere", "training.sed=1"], SEED),
        (["task.data=nowhere", "training.sed=1", "-m", "training.seed=1,2"], SEED),
        (["prepare", "task.data=nowhere", "training.sed=1"], SEED),
        (["generate", "checkpoint=nowhere", "input=nowhere.txt", "output=new.txt", "generation.beem=2"], BEAM),
        (["evaluate", "checkpoint=nowhere", "generation.beem=2"], BEAM),
        (["training.sed=1", "generation.beem=2"], f"2 mistakes:\n  {SEED}\n  {BEAM}"),
    ],
)
def test_neither_data_nor_disk_is_touched(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTRAIN_CACHE", "cache")
    assert call(*arguments).refused() == message
    assert list(tmp_path.iterdir()) == [], "neither runs/ nor a cache nor the output"


def test_without_the_mistake_it_is_the_data_that_is_missing(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "nowhere" in call("task.data=nowhere", "training.seed=1").refused()
    assert "there is no nowhere" in call("generate", "checkpoint=nowhere").refused()
