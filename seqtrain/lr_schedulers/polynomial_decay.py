"""Linear warm-up, then decay to a final rate by a power of the updates that are left."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from omegaconf import II

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._state import saved


@dataclass
class PolynomialDecayConfig(LRSchedulerConfig):
    """Settings of ``polynomial_decay``."""

    warmup_updates: int = bounded(0, at_least=0)
    """Updates of linear increase from 0 to the optimizer's rate."""
    force_anneal: int | None = bounded(None, at_least=1)
    """First epoch, from 1, that decays from the rate which the epoch before it ended with; never if null."""
    end_learning_rate: float = bounded(0.0, at_least=0)
    """Learning rate from ``total_num_update`` on."""
    power: float = bounded(1.0, above=0)
    """Exponent of the decay: 1 is linear, more falls faster at first."""
    total_num_update: int = bounded(II("training.max_update"), at_least=0)
    """Updates, warm-up included, until the rate is ``end_learning_rate``."""

    def contradictions(self) -> Iterable[str]:
        """The decay has an end."""
        if self.total_num_update == 0:
            yield (
                "lr_scheduler polynomial_decay needs to know when the decay ends: "
                "set training.max_update or lr_scheduler.total_num_update"
            )


@register_lr_scheduler("polynomial_decay", PolynomialDecayConfig)
class PolynomialDecay(LRScheduler):
    r"""Polynomial decay; with a power of 1 the linear one of BERT (Devlin et al., 2019).

    With the peak :math:`r`, the final rate :math:`r_T`, the warm-up W and the end T, the rate after n updates is
    :math:`r\,n / W` up to n = W, then :math:`r_T + (r - r_T)(1 - (n - W) / (T - W))^\text{power}`, and :math:`r_T`
    from n = T on. A training that is shorter than the warm-up ends while the rate still rises.

    Raises:
        ConfigError: ``total_num_update`` is no number; a config made by hand must give it.
    """

    def __init__(self, cfg: PolynomialDecayConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        if not isinstance(cfg.total_num_update, int):
            raise ConfigError(
                f"lr_scheduler.total_num_update={cfg.total_num_update} is no number: "
                "pass one to a PolynomialDecayConfig that is not composed by Hydra"
            )
        self.cfg = cfg
        self._peak = self.base_lr

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates."""
        warmup, total, end = self.cfg.warmup_updates, self.cfg.total_num_update, self.cfg.end_learning_rate
        if num_updates < warmup:
            return self._peak * num_updates / warmup
        if num_updates >= total:
            return end
        remaining = 1 - (num_updates - warmup) / (total - warmup)
        return end + (self._peak - end) * math.pow(remaining, self.cfg.power)

    def step(self, epoch: int, val_loss: float | None) -> None:
        """From the end of the epoch before ``force_anneal`` on, make the present rate the peak."""
        anneals = self.cfg.force_anneal is not None and epoch + 1 >= self.cfg.force_anneal
        if anneals and self.num_updates > self.cfg.warmup_updates:  # not from a rate that warms up still
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
