"""A rate that falls whenever validation has stopped getting better."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._state import saved

SMALLEST_CHANGE = 1e-8
"""A rate that would fall by no more than this stays, as in torch."""


@dataclass
class ReduceLROnPlateauConfig(LRSchedulerConfig):
    """Settings of ``reduce_lr_on_plateau``."""

    lr_shrink: float = bounded(0.1, above=0, below=1)
    """Factor on the rate where the loss has stopped falling."""
    lr_threshold: float = bounded(1e-4, at_least=0, below=1)
    """Share of the best loss by which a loss must be lower to count as better."""
    lr_patience: int = bounded(0, at_least=0)
    """Epochs in a row without a better loss that leave the rate as it is; one more shrinks it."""
    warmup_updates: int = bounded(0, at_least=0)
    """Updates of linear increase from ``warmup_init_lr`` to the optimizer's rate; losses count from its end on."""
    warmup_init_lr: float | None = bounded(None, at_least=0)
    """Learning rate of the first update of the warm-up; 0 if null."""

    def contradictions(self) -> Iterable[str]:
        """A start of the warm-up belongs to a warm-up."""
        if self.warmup_init_lr is not None and not self.warmup_updates:
            yield "lr_scheduler.warmup_init_lr has no effect without a warm-up: set lr_scheduler.warmup_updates"


@register_lr_scheduler("reduce_lr_on_plateau", ReduceLROnPlateauConfig)
class ReduceLROnPlateau(LRScheduler):
    r"""The rate is multiplied by ``lr_shrink`` when the loss has not become better in more than ``lr_patience`` epochs.

    The loss is that of the first validation set (``valid/loss``), at its last validation in an epoch, and an epoch
    without one does not count. A loss is better if it is below :math:`(1 - \text{lr\_threshold})` times the best so
    far; NaN never is. The numbers are those of ``torch.optim.lr_scheduler.ReduceLROnPlateau``. Before update W of the
    warm-up the rate is :math:`r_0 + (r - r_0) n / W` after n updates.
    """

    def __init__(self, cfg: ReduceLROnPlateauConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg = cfg
        self._lr = self.base_lr
        self._best = math.inf
        self._bad_epochs = 0

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, with the losses that were seen so far."""
        warmup, start = self.cfg.warmup_updates, self.cfg.warmup_init_lr or 0.0
        if num_updates < warmup:
            return start + (self.base_lr - start) * num_updates / warmup
        return self._lr

    def step(self, epoch: int, val_loss: float | None) -> None:
        """Count the loss, and shrink the rate if patience is over."""
        if val_loss is None or self.num_updates < self.cfg.warmup_updates:
            return
        if val_loss < self._best * (1 - self.cfg.lr_threshold):
            self._best, self._bad_epochs = val_loss, 0
        else:
            self._bad_epochs += 1
        if self._bad_epochs > self.cfg.lr_patience:
            self._shrink()

    def state_dict(self) -> dict[str, Any]:
        """Return the rate, the best loss so far (None before the first), the epochs in a row without a better one."""
        best = self._best if math.isfinite(self._best) else None  # JSON has no infinity
        return {"lr": self._lr, "best": best, "bad_epochs": self._bad_epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned.

        Raises:
            CheckpointError: it is the state of another scheduler.
        """
        self._lr = saved(state, "lr")
        best = saved(state, "best")
        self._best = math.inf if best is None else best
        self._bad_epochs = saved(state, "bad_epochs")

    def _shrink(self) -> None:
        lower = self._lr * self.cfg.lr_shrink
        if self._lr - lower > SMALLEST_CHANGE:
            self._lr = lower
        self._bad_epochs = 0
        self.step_update(self.num_updates)
