"""Rates by hand: from given epochs, or from given updates on."""

from collections.abc import Iterable
from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRSchedulerConfig, Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._epochs import EpochScheduler


@dataclass
class ManualConfig(LRSchedulerConfig):
    """Settings of ``manual``."""

    epoch2lr: dict[int, float] = bounded({}, at_least=0)
    """Learning rate from the beginning of an epoch, from 1, until the next one named: ``{1:1e-3,5:1e-4}``."""
    update2lr: dict[int, float] = bounded({}, at_least=0)
    """Learning rate once so many updates are done, from 0, until the next number named: ``{0:1e-3,2000:1e-4}``."""

    def contradictions(self) -> Iterable[str]:
        """There is one clock, and it starts at its first number."""
        if self.epoch2lr and self.update2lr:
            yield "lr_scheduler.epoch2lr and lr_scheduler.update2lr are two clocks for one rate: leave one of them out"
        if any(epoch < 1 for epoch in self.epoch2lr):
            yield "lr_scheduler.epoch2lr counts epochs from 1"
        if any(num_updates < 0 for num_updates in self.update2lr):
            yield "lr_scheduler.update2lr counts updates that are done, from 0"


@register_lr_scheduler("manual", ManualConfig)
class Manual(EpochScheduler):
    """The rate of the largest number in the mapping that is reached; before the first, the optimizer's."""

    def __init__(self, cfg: ManualConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg = cfg

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, in the epoch that the scheduler is in."""
        now, rates = (self.epoch, self.cfg.epoch2lr) if self.cfg.epoch2lr else (num_updates, self.cfg.update2lr)
        reached = [number for number in rates if number <= now]
        return float(rates[max(reached)]) if reached else self.base_lr
