"""Linear warm-up, a constant rate, and a decay over the last share of the run."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._curves import between, half_cosine
from seqtrain.lr_schedulers._run_length import RunLengthConfig
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler


class DecayShape(str, Enum):
    """How the rate falls, of the progress x from 0 to 1: 1 - x, 1 - sqrt(x), or (1 + cos(pi x)) / 2."""

    linear = "linear"
    sqrt = "sqrt"
    cosine = "cosine"


SHAPES: dict[DecayShape, Callable[[float], float]] = {
    DecayShape.linear: lambda progress: 1 - progress,
    DecayShape.sqrt: lambda progress: 1 - math.sqrt(progress),
    DecayShape.cosine: half_cosine,
}
"""Share of the way down that is left."""


@dataclass
class WarmupStableDecayConfig(RunLengthConfig, WarmupConfig):
    """Settings of ``warmup_stable_decay``."""

    decay_ratio: float = bounded(0.1, above=0, at_most=1)
    """Share of ``total_num_update`` over which the rate falls, at its end."""
    decay_shape: DecayShape = DecayShape.linear
    """How it falls, with x from 0 to 1: linear 1 - x, sqrt 1 - sqrt(x), cosine (1 + cos(pi x)) / 2."""
    end_learning_rate: float = bounded(0.0, at_least=0)
    """Learning rate from ``total_num_update`` on."""

    def contradictions(self) -> Iterable[str]:
        """The warm-up is over before the decay, unless training is over before the warm-up."""
        yield from super().contradictions()
        total = self.total_num_update
        if isinstance(total, int) and self.decay_start() < self.warmup_updates < total:
            yield (
                f"lr_scheduler.warmup_updates={self.warmup_updates} is over only after the decay begins, at update "
                f"{self.decay_start()}: lower it or lr_scheduler.decay_ratio"
            )

    def decay_start(self) -> int:
        """Return the updates before the decay, which has at least one."""
        total = self.length()
        return total - max(round(total * self.decay_ratio), 1)


@register_lr_scheduler("warmup_stable_decay", WarmupStableDecayConfig)
class WarmupStableDecay(WarmupScheduler):
    r"""The schedule of MiniCPM (Hu et al., 2024), which goes on as it is for longer runs until the decay begins.

    With the peak :math:`r`, the final rate :math:`r_T`, the end T, the beginning S of the decay and its shape f, the
    rate after n updates is :math:`r` from the warm-up to n = S, then :math:`r_T + (r - r_T) f((n - S) / (T - S))`, and
    :math:`r_T` from n = T on. The shape ``sqrt`` is the one that Hägele et al. (2024) found best.
    """

    def __init__(self, cfg: WarmupStableDecayConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.end_lr, self.shape = cfg.end_learning_rate, SHAPES[cfg.decay_shape]
        self.start, self.total = cfg.decay_start(), cfg.length()

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates: the peak, or one on the way down."""
        progress = (num_updates - self.start) / (self.total - self.start)
        return between(self.end_lr, self.base_lr, self.shape(min(max(progress, 0.0), 1.0)))
