"""Linear warm-up, then decay with the inverse square root of the updates."""

import math
from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer, register_lr_scheduler


@dataclass
class InverseSqrtConfig(LRSchedulerConfig):
    """Settings of ``inverse_sqrt``."""

    warmup_updates: int = bounded(4000, at_least=0)
    """Updates of linear increase from ``warmup_init_lr`` to the optimizer's rate; 0 starts at that rate."""
    warmup_init_lr: float | None = bounded(None, at_least=0)
    """Learning rate of the first update of the warm-up; 0 if null."""


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
