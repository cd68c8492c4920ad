import dataclasses
from pathlib import Path
from typing import Any

import pytest

from seqtrain import checkpoint
from seqtrain.checkpoint import Checkpoint, Snapshot
from seqtrain.errors import CheckpointError, ConfigError, SeqtrainError
from seqtrain.training.saved_state import saved_threads, taking_over, train_state
from seqtrain.training.state import TrainState

FILE = Path("run/checkpoint/training/state.json")


def test_train_state() -> None:
    state = TrainState(num_updates=7, epoch=2, position=3, val_loss=1.5)
    assert train_state(dataclasses.asdict(state)) == state


@pytest.mark.parametrize(
    "changes",
    [{"epoch": 0}, {"num_updates": -1}, {"position": -1}, {"num_updates": "7"}, {"seconds": None}, {"more": 1}],
)
def test_train_state_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(SeqtrainError, match="trainer does not fit"):
        train_state(dataclasses.asdict(TrainState()) | changes)


@pytest.mark.parametrize("error", [KeyError("sums"), TypeError("no list"), ValueError("x"), ZeroDivisionError()])
def test_whatever_a_plugin_makes_of_it_names_the_file(error: Exception) -> None:
    does_not_fit = r"^run/checkpoint/training/state\.json does not fit"
    with pytest.raises(CheckpointError, match=does_not_fit) as raised, taking_over(FILE):
        raise error
    assert type(error).__name__ in str(raised.value) and raised.value.__cause__ is error


def test_a_clear_message_stays_and_gets_its_file() -> None:
    with pytest.raises(ConfigError, match=r"^run/checkpoint/training/state\.json: no peak$"), taking_over(FILE):
        raise ConfigError("no peak")
    with pytest.raises(CheckpointError, match=r"^run/checkpoint/model is damaged$"), taking_over(FILE):
        raise CheckpointError("run/checkpoint/model is damaged")


def test_other_errors_are_our_own() -> None:
    with pytest.raises(AssertionError), taking_over(FILE):
        raise AssertionError


def saved(directory: Path, state: Any) -> Checkpoint:
    return checkpoint.write(
        directory / "c", model={}, config={}, metrics={}, save_task=lambda _: None, snapshot=Snapshot({}, state)
    )


def test_saved_threads(tmp_path: Path) -> None:
    assert saved_threads(saved(tmp_path, {"environment": {"num_threads": 3}})) == 3


@pytest.mark.parametrize("environment", [None, {}, {"num_threads": "3"}, {"num_threads": 0}, {"num_threads": 10**6}])
def test_threads_that_cannot_be(tmp_path: Path, environment: object) -> None:
    with pytest.raises(CheckpointError, match=r"state\.json"):
        saved_threads(saved(tmp_path, {"environment": environment}))
