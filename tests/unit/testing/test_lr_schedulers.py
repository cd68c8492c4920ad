"""Each check finds the mistake that it is there for."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from seqtrain.lr_schedulers import REGISTRY, LRScheduler, LRSchedulerConfig, Optimizer
from seqtrain.testing import lr_schedulers as checks


@dataclass
class FaultyConfig(LRSchedulerConfig):
    """A scheduler that is sound but for one fault."""

    fault: str = "none"
    """What is wrong."""


class Faulty(LRScheduler):
    def __init__(self, cfg: FaultyConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.fault = cfg.fault
        self.asked = 0
        self.epoch = 1

    def lr_at(self, num_updates: int) -> float:
        self.asked += 1
        rates = {
            "infinite": math.inf if num_updates > 1000 else 1.0,
            "negative": 1.0 - num_updates / 100,
            "impure": 1.0 / self.asked,
            "current": self.optimizer.lr,
            "state": 1.0 / self.epoch,
        }
        return rates.get(self.fault, self.base_lr)

    def step_update(self, num_updates: int) -> float:
        lr = super().step_update(num_updates)
        return 2 * lr if self.fault == "step_update" else lr

    def step(self, epoch: int, val_loss: float | None) -> None:
        self.epoch = epoch + 1
        self.step_update(0)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield
    REGISTRY.forget({__name__})


def test_a_sound_scheduler_passes() -> None:
    checks.check_lr_scheduler(FaultyConfig())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("infinite", r"lr_at\(3999\) is inf, should be finite and at least 0"),
        ("negative", r"lr_at\(101\) is -0.01"),
        ("impure", "lr_at depends on what it was asked before: compute the rate from num_updates"),
        ("current", "lr_at reads the optimizer's present rate"),
        ("step_update", r"step_update\(0\) returns 2.0, should be 1.0"),
        ("state", "the rate is 1 after a resume, 0.25 before"),
    ],
)
def test_a_fault_is_found(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        checks.check_lr_scheduler(FaultyConfig(fault))
