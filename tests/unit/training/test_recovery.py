"""What counts as a spike, and what a replay has to know; whole runs are in the integration tests."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock, call

import pytest
from torch import nn

from seqtrain.config import TrainingConfig
from seqtrain.training.guard import FaultyUpdate
from seqtrain.training.recovery import USUAL, Recovery
from seqtrain.training.state import TrainState


def make(spike_factor: float = 10.0) -> Recovery:
    return Recovery(TrainingConfig(spike_factor=spike_factor), Path(), lambda _: False, {"": nn.Identity()})


def test_a_norm_far_over_the_usual_one_is_a_spike_and_does_not_become_usual() -> None:
    guard = make()
    for _ in range(USUAL):
        guard.judge(2.0)
    guard.judge(20.0)
    for _ in range(2):
        with pytest.raises(FaultyUpdate, match=r"norm of its gradient is 20.1, the usual one is 2"):
            guard.judge(20.1)


def test_nothing_is_a_spike_before_it_is_known_what_is_usual() -> None:
    guard = make()
    for _ in range(USUAL - 1):
        guard.judge(2.0)
    guard.judge(1e6)


def test_without_a_factor_there_are_no_spikes() -> None:
    guard = make(spike_factor=0)
    for _ in range(USUAL):
        guard.judge(2.0)
    guard.judge(1e30)


def test_one_large_norm_does_not_change_what_is_usual() -> None:
    guard = make()
    for norm in [1.0] * (USUAL - 1) + [9.0]:
        guard.judge(norm)
    with pytest.raises(FaultyUpdate):
        guard.judge(11.0)


def test_its_state_goes_on_where_it_was() -> None:
    guard, other = make(), make()
    for number in range(USUAL):
        guard.judge(float(number + 1))
    guard.faults = 2
    guard.skipped.append({"from": [1, 2], "to": [1, 4]})
    other.load_state_dict(guard.state_dict())
    assert other.state_dict() == guard.state_dict()
    with pytest.raises(FaultyUpdate, match=r"the usual one is 32.5"):
        other.judge(400.0)


def test_gone_back_over_epochs_the_scheduler_learns_a_loss_once() -> None:
    scheduler = Mock()
    trainer: Any = SimpleNamespace(state=TrainState(9, 4, 6, val_loss=5.0), parts=SimpleNamespace(), hooks=[])
    trainer.parts.lr_scheduler = scheduler

    def go_back(trainer: Any) -> bool:
        trainer.state = TrainState(2, 1, 3, val_loss=7.0)
        return True

    guard = Recovery(TrainingConfig(), Path(), cast(Any, go_back), {"": nn.Identity()})
    assert guard._go_back(trainer, "report") == [1, 3]
    assert scheduler.mock_calls == [call.step_update(2), call.step(1, 7.0), call.step(2, None), call.step(3, None)]
    assert trainer.state == TrainState(2, 4, 6, val_loss=None)
