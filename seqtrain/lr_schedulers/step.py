"""Linear warm-up, then a rate that falls by a factor after each period of updates."""

from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler


@dataclass
class StepConfig(WarmupConfig):
    """Settings of ``step``."""

    lr_decay_period: int = bounded(25000, at_least=1)
    """Updates at one rate, counted from the end of the warm-up."""
    lr_decay: float = bounded(0.5, above=0, at_most=1)
    """Factor on the rate after each period."""
    min_lr: float = bounded(0.0, at_least=0)
    """Learning rate below which it does not fall."""


@register_lr_scheduler("step", StepConfig)
class Step(WarmupScheduler):
    r"""A staircase: a warm-up, then a rate that is multiplied by ``lr_decay`` once a period, down to ``min_lr``.

    After n updates it is :math:`\max(r\,\text{lr\_decay}^{\lfloor (n - W) / P \rfloor}, r_m)`: P is the
    period, W the warm-up, :math:`r` the optimizer's rate and :math:`r_m` the lowest one.
    """

    def __init__(self, cfg: StepConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer, cfg.min_lr)
        self.cfg = cfg

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, that of the stair which the next one stands on."""
        falls = (num_updates - self.warmup_updates) // self.cfg.lr_decay_period
        return max(self.base_lr * self.cfg.lr_decay**falls, self.cfg.min_lr)
