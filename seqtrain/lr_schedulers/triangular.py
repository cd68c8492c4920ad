"""A rate that rises and falls linearly, again and again."""

from dataclasses import dataclass

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._curves import between


@dataclass
class TriangularConfig(LRSchedulerConfig):
    """Settings of ``triangular``."""

    max_lr: float | None = bounded(None, above=0)
    """Learning rate in the middle of the first cycle; ten times the optimizer's, which is the lowest, if null."""
    lr_period_updates: int = bounded(5000, at_least=2)
    """Updates of a cycle: half of them up, half of them down."""
    lr_shrink: float = bounded(0.1, above=0, at_most=1)
    """Factor on the highest rate of each cycle after the first; it never falls below the lowest rate."""
    shrink_min: bool = False
    """Multiply the lowest rate of each cycle by ``lr_shrink`` too."""


@register_lr_scheduler("triangular", TriangularConfig)
class Triangular(LRScheduler):
    r"""Cyclical rates (Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017).

    In cycle i, from 0, of P updates the rate rises on a line from the optimizer's :math:`r` to
    :math:`\max(r_\text{max}\,\text{lr\_shrink}^i, r)` at t = P / 2 updates into the cycle, and falls on one to
    :math:`r` at t = P. With ``shrink_min`` the line starts and ends at :math:`r\,\text{lr\_shrink}^i`.

    Raises:
        ConfigError: ``max_lr`` is not above the optimizer's rate.
    """

    def __init__(self, cfg: TriangularConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg = cfg
        self.max_lr = 10 * self.base_lr if cfg.max_lr is None else cfg.max_lr
        if self.max_lr <= self.base_lr:
            raise ConfigError(
                f"lr_scheduler.max_lr={self.max_lr:g} must be above optimizer.lr={self.base_lr:g}, the lowest rate"
            )

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates."""
        cycle, done = divmod(num_updates, self.cfg.lr_period_updates)
        shrink = self.cfg.lr_shrink**cycle
        low = self.base_lr * shrink if self.cfg.shrink_min else self.base_lr
        progress = 2 * done / self.cfg.lr_period_updates
        return between(low, max(self.max_lr * shrink, low), 1 - abs(1 - progress))
