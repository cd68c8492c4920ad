import time

import pytest

from seqtrain.config import TrainingConfig
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.trainer import Trainer, TrainState


@pytest.mark.parametrize(
    ("cfg", "state", "reason"),
    [
        (TrainingConfig(max_update=3), TrainState(num_updates=2), ""),
        (TrainingConfig(max_update=3), TrainState(num_updates=3), "training.max_update=3 is reached"),
        (TrainingConfig(max_epoch=2), TrainState(epoch=2), ""),
        (TrainingConfig(max_epoch=2), TrainState(epoch=2, end_of_epoch=True), "training.max_epoch=2 is reached"),
        (TrainingConfig(max_epoch=2), TrainState(epoch=3), "training.max_epoch=2 is reached"),
        (TrainingConfig(stop_time_hours=1), TrainState(seconds=3500), ""),
        (TrainingConfig(stop_time_hours=1), TrainState(seconds=3601), "training.stop_time_hours=1 is reached"),
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
