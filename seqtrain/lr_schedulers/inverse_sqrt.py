"""Linear warm-up, then decay with the inverse square root of the updates."""

import math
from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import register_lr_scheduler
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler


@dataclass
class InverseSqrtConfig(WarmupConfig):
    """Settings of ``inverse_sqrt``."""

    warmup_updates: int = bounded(4000, at_least=0)
    """Updates of linear increase from ``warmup_init_lr`` to the optimizer's rate; 0 starts at that rate."""


@register_lr_scheduler("inverse_sqrt", InverseSqrtConfig)
class InverseSqrt(WarmupScheduler):
    r"""The schedule of the Transformer (Vaswani et al., 2017, equation 3), with a peak that is chosen freely.

    With the peak :math:`r` and the warm-up :math:`W`, the rate after n updates is :math:`r \sqrt{W / n}` from n = W on.
    Without warm-up it is that of W = 1: the peak for the first two updates, then :math:`r / \sqrt n`.
    """

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates."""
        return self.base_lr * math.sqrt(max(self.warmup_updates, 1) / max(num_updates, 1))
