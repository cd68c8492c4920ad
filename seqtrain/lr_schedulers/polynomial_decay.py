"""Linear warm-up, then decay to a final rate by a power of the updates that are left."""

import math
from dataclasses import dataclass
from typing import Any

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._curves import between
from seqtrain.lr_schedulers._run_length import RunLengthConfig
from seqtrain.lr_schedulers._state import saved
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler


@dataclass
class PolynomialDecayConfig(RunLengthConfig, WarmupConfig):
    """Settings of ``polynomial_decay``."""

    force_anneal: int | None = bounded(None, at_least=1)
    """First epoch, from 1, that decays from the rate which the epoch before it ended with; never if null."""
    end_learning_rate: float = bounded(0.0, at_least=0)
    """Learning rate from ``total_num_update`` on."""
    power: float = bounded(1.0, above=0)
    """Exponent of the decay: 1 is linear, more falls faster at first."""


@register_lr_scheduler("polynomial_decay", PolynomialDecayConfig)
class PolynomialDecay(WarmupScheduler):
    r"""Polynomial decay; with a power of 1 and without ``force_anneal`` it is ``linear``.

    With the peak :math:`r`, the final rate :math:`r_T`, the warm-up W and the end T, the rate after n updates is
    :math:`r_T + (r - r_T)(1 - (n - W) / (T - W))^\text{power}` from n = W on, and :math:`r_T` from n = T on.
    A training that is shorter than the warm-up ends while the rate still rises.
    """

    def __init__(self, cfg: PolynomialDecayConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg, self.total = cfg, cfg.length()
        self._peak = self.base_lr

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, on the way down from the peak."""
        end = self.cfg.end_learning_rate
        if num_updates >= self.total:
            return end
        remaining = 1 - (num_updates - self.warmup_updates) / (self.total - self.warmup_updates)
        return between(end, self._peak, math.pow(remaining, self.cfg.power))

    def step(self, epoch: int, val_loss: float | None) -> None:
        """From the end of the epoch before ``force_anneal`` on, make the present rate the peak."""
        anneals = self.cfg.force_anneal is not None and epoch + 1 >= self.cfg.force_anneal
        if anneals and self.num_updates > self.warmup_updates:  # not from a rate that warms up still
            self._peak = self.lr_at(self.num_updates)
            self.step_update(self.num_updates)

    def state_dict(self) -> dict[str, Any]:
        """Return the rate that the decay starts from."""
        return {"peak": self._peak}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned.

        Raises:
            CheckpointError: it is the state of another scheduler.
        """
        self._peak = saved(state, "peak")
