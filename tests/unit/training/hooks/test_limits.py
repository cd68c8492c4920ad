import time

import pytest

from seqtrain.config import TrainingConfig
from seqtrain.training.hooks.interrupt import exit_code
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.state import TrainState
from seqtrain.training.trainer import Trainer


@pytest.mark.parametrize(
    ("cfg", "state", "reason"),
    [
        (TrainingConfig(max_update=3), TrainState(num_updates=2), ""),
        (TrainingConfig(max_update=3), TrainState(num_updates=3), "training.max_update=3 is reached"),
        (TrainingConfig(max_epoch=2), TrainState(epoch=2), ""),
        (TrainingConfig(max_epoch=2), TrainState(epoch=2, end_of_epoch=True), "training.max_epoch=2 is reached"),
        (TrainingConfig(max_epoch=2), TrainState(epoch=3), "training.max_epoch=2 is reached"),
        (TrainingConfig(stop_time_hours=1), TrainState(seconds=3601), ""),
    ],
)
def test_stops_at_each_limit_also_when_it_was_reached_before(
    trainer: Trainer, cfg: TrainingConfig, state: TrainState, reason: str
) -> None:
    trainer.state = state
    Limits(cfg).on_start(trainer)
    assert trainer.stop_reason == reason


def test_time_of_earlier_runs_counts(trainer: Trainer) -> None:
    limits = Limits(TrainingConfig())
    trainer.state.seconds = 100.0
    limits.on_start(trainer)
    time.sleep(0.01)
    limits.on_update(trainer, None)
    assert 100.01 <= trainer.state.seconds < 110


def test_hours_count_from_the_start_of_this_process_and_interrupt(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    trainer.state.seconds = 5000.0
    limits = Limits(TrainingConfig(stop_time_hours=1))
    limits.on_start(trainer)
    now[0] += 3599.0
    limits.on_update(trainer, None)
    assert (trainer.stop_reason, trainer.state.seconds) == ("", 8599.0)
    now[0] += 1.0
    limits.on_update(trainer, None)
    assert trainer.stop_reason == "training.stop_time_hours=1 is reached"
    assert (trainer.interrupted, trainer.ended, exit_code(trainer)) == (True, False, 75)


def test_an_update_that_was_skipped_is_not_the_last(trainer: Trainer) -> None:
    """It leaves nothing to save: a resume would come to it once more."""
    limits = Limits(TrainingConfig(stop_time_hours=1e-12))
    limits.on_start(trainer)
    for applied in (False, True):
        trainer.state.applied = applied
        limits.on_update(trainer, None)
        assert trainer.interrupted == applied
