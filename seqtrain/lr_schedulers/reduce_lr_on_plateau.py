"""A rate that falls whenever validation has stopped getting better."""

import math
from dataclasses import dataclass
from typing import Any

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._state import saved
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler

SMALLEST_CHANGE = 1e-8
"""A rate that would fall by no more than this stays, as in torch."""


@dataclass
class ReduceLROnPlateauConfig(WarmupConfig):
    """Settings of ``reduce_lr_on_plateau``."""

    lr_shrink: float = bounded(0.1, above=0, below=1)
    """Factor on the rate where the loss has stopped falling."""
    lr_threshold: float = bounded(1e-4, at_least=0, below=1)
    """Share of the best loss by which a loss must be lower to count as better."""
    lr_patience: int = bounded(0, at_least=0)
    """Epochs in a row without a better loss that leave the rate as it is; one more shrinks it."""


@register_lr_scheduler("reduce_lr_on_plateau", ReduceLROnPlateauConfig)
class ReduceLROnPlateau(WarmupScheduler):
    r"""The rate is multiplied by ``lr_shrink`` when the loss has not become better in more than ``lr_patience`` epochs.

    The loss is that of the first validation set (``valid/loss``), at its last validation in an epoch, and an epoch
    without one does not count. A loss is better if it is below :math:`(1 - \text{lr\_threshold})` times the best so
    far; NaN never is. The numbers are those of ``torch.optim.lr_scheduler.ReduceLROnPlateau``. Losses count from the
    end of the warm-up on.
    """

    def __init__(self, cfg: ReduceLROnPlateauConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg = cfg
        self._lr = self.base_lr
        self._best = math.inf
        self._bad_epochs = 0

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate, with the losses that were seen so far."""
        return self._lr

    def step(self, epoch: int, val_loss: float | None) -> None:
        """Count the loss, and shrink the rate if patience is over."""
        if val_loss is None or self.num_updates < self.warmup_updates:
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
