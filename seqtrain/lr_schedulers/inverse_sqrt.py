"""Linear warm-up, then decay with the inverse square root of the updates."""

import math
from dataclasses import dataclass

from seqtrain.config import check_at_least
from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer, register_lr_scheduler


@dataclass
class InverseSqrtConfig(LRSchedulerConfig):
    """Settings of ``inverse_sqrt``."""

    warmup_updates: int = 4000
    """Updates of linear increase from ``warmup_init_lr`` to the optimizer's rate; 0 starts at that rate."""
    warmup_init_lr: float | None = None
    """Learning rate of the first update of the warm-up; 0 if null."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range.
        """
        check_at_least("lr_scheduler", self, warmup_updates=0)
        if self.warmup_init_lr is not None and not self.warmup_init_lr >= 0:
            raise ConfigError(f"lr_scheduler.warmup_init_lr={self.warmup_init_lr} must be at least 0, or null for 0")


@register_lr_scheduler("inverse_sqrt", InverseSqrtConfig)
class InverseSqrt(LRScheduler):
    r"""The schedule of the Transformer (Vaswani et al., 2017, equation 3), with a peak that is chosen freely.

    With the peak :math:`r`, the warm-up :math:`W` and its start :math:`r_0`, the rate after n updates is
    :math:`r_0 + (r - r_0) n / W` before n = W, and :math:`r \sqrt{W / n}` from there on. Without warm-up it is
    that of W = 1: the peak for the first two updates, then :math:`r / \sqrt n`.
    """

    def __init__(self, cfg: InverseSqrtConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.warmup_updates = cfg.warmup_updates
        self.init_lr = cfg.warmup_init_lr or 0.0

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates."""
        if num_updates < self.warmup_updates:
            return self.init_lr + (self.base_lr - self.init_lr) * num_updates / self.warmup_updates
        return self.base_lr * math.sqrt(max(self.warmup_updates, 1) / max(num_updates, 1))
