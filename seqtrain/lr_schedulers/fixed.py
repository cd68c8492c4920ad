"""A rate for each epoch: constant, a list, or annealed from some epoch on."""

from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRSchedulerConfig, Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._epochs import EpochScheduler


@dataclass
class FixedConfig(LRSchedulerConfig):
    """Settings of ``fixed``."""

    force_anneal: int | None = bounded(None, at_least=1)
    """First epoch, from 1, of annealing: each epoch multiplies the rate by ``lr_shrink``; never if null."""
    lr_shrink: float = bounded(0.1, above=0)
    """Factor on the rate at each epoch of annealing."""
    warmup_updates: int = bounded(0, at_least=0)
    """Updates of linear increase to the epoch's rate; the first of them runs at 1/warmup_updates of it."""
    lr_per_epoch: list[float] = bounded([], at_least=0)
    """Learning rate of each epoch, its last one for all later ones; the optimizer's rate if empty."""


@register_lr_scheduler("fixed", FixedConfig)
class Fixed(EpochScheduler):
    r"""One rate for each epoch, after a warm-up counted in updates.

    Epoch e runs at the e-th rate of the list; from the epoch F of ``force_anneal`` on at the last rate times
    :math:`\text{lr\_shrink}^{e + 1 - F}`. Before update W of the warm-up the rate is times (n + 1) / W.
    """

    def __init__(self, cfg: FixedConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg = cfg
        self.lrs = cfg.lr_per_epoch or [self.base_lr]

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, in the epoch that the scheduler is in."""
        warmup = self.cfg.warmup_updates
        return self._epoch_lr() * ((num_updates + 1) / warmup if num_updates < warmup else 1.0)

    def _epoch_lr(self) -> float:
        anneal = self.cfg.force_anneal
        if anneal is None or self.epoch < anneal:
            return self.lrs[min(self.epoch, len(self.lrs)) - 1]
        return self.lrs[-1] * self.cfg.lr_shrink ** (self.epoch + 1 - anneal)
