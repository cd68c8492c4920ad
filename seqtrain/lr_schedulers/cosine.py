"""Linear warm-up, then half a cosine down to a lowest rate; or several, each longer and lower than the one before."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._curves import between, half_cosine
from seqtrain.lr_schedulers._run_length import RunLengthConfig
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler

SHRINK = 0.1
"""fairseq's default."""


@dataclass
class CosineConfig(RunLengthConfig, WarmupConfig):
    """Settings of ``cosine``."""

    min_lr: float = bounded(0.0, at_least=0)
    """Learning rate that each cycle ends with, and below which it never is after the warm-up."""
    lr_period_updates: int | None = bounded(None, at_least=1)
    """Updates of the first cycle; if null there is one, from the warm-up to ``total_num_update``."""
    t_mult: float = bounded(1.0, at_least=1)
    """Factor on the length of each cycle after the first."""
    lr_shrink: float = bounded(SHRINK, above=0, at_most=1)
    """Factor on the highest rate of each cycle after the first."""

    def contradictions(self) -> Iterable[str]:
        """What is said of further cycles belongs to cycles."""
        yield from super().contradictions()
        if self.lr_period_updates is None and (self.t_mult != 1.0 or self.lr_shrink != SHRINK):
            yield "lr_scheduler.t_mult and lr_scheduler.lr_shrink are for cycles: set lr_scheduler.lr_period_updates"

    def needs_length(self) -> bool:
        """Cycles of a given length need no end."""
        return self.lr_period_updates is None


class Cycle(NamedTuple):
    """One of the cycles: its number from 0, where it starts and how long it is, in updates after the warm-up."""

    number: int
    start: float
    length: float


@register_lr_scheduler("cosine", CosineConfig)
class Cosine(WarmupScheduler):
    r"""Cosine annealing, with warm restarts if ``lr_period_updates`` is set (Loshchilov and Hutter, ICLR 2017).

    With the peak :math:`r` and the lowest rate :math:`r_m`, the rate t updates into cycle i, from 0, of length
    :math:`L_i = L_0\,\text{t\_mult}^i`, is :math:`r_m + (r_i - r_m)(1 + \cos(\pi t / L_i)) / 2`, where
    :math:`r_i = \max(r\,\text{lr\_shrink}^i, r_m)`. No cycle begins after the last update of the run: the rate is
    then that of the end of the last one.
    """

    def __init__(self, cfg: CosineConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer, cfg.min_lr)
        self.cfg = cfg
        self.last = cfg.length() - cfg.warmup_updates - 1

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, within the cycle of the next one."""
        done, low = num_updates - self.warmup_updates, self.cfg.min_lr
        cycle = self._cycle(done)
        high = max(self.base_lr * self.cfg.lr_shrink**cycle.number, low)
        progress = min((done - cycle.start) / cycle.length, 1.0)
        return between(low, high, half_cosine(progress))

    def _cycle(self, done: int) -> Cycle:
        """Return the cycle of the update after ``done`` ones, of the run's last one if there is none."""
        period, factor = self.cfg.lr_period_updates, self.cfg.t_mult
        if period is None:
            return Cycle(0, 0, max(self.last + 1, 1))
        if self.cfg.total_num_update:
            done = min(done, max(self.last, 0))
        if factor == 1:
            return Cycle(done // period, done // period * period, period)
        cycle = Cycle(0, 0, period)
        while done >= cycle.start + cycle.length:
            cycle = Cycle(cycle.number + 1, cycle.start + cycle.length, cycle.length * factor)
        return cycle
