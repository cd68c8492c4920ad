"""What schedulers with a linear warm-up share."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer
from seqtrain.lr_schedulers._curves import between


@dataclass
class WarmupConfig(LRSchedulerConfig):
    """Settings of a linear warm-up."""

    warmup_updates: int = bounded(0, at_least=0)
    """Updates of linear increase from ``warmup_init_lr`` to the optimizer's rate; 0 starts at that rate."""
    warmup_init_lr: float | None = bounded(None, at_least=0)
    """Learning rate of the first update of the warm-up; ``min_lr``, where there is one, or else 0 if null."""

    def contradictions(self) -> Iterable[str]:
        """A start of the warm-up belongs to a warm-up."""
        yield from super().contradictions()
        if self.warmup_init_lr is not None and not self.warmup_updates:
            yield (
                "lr_scheduler.warmup_init_lr has no effect without a warm-up: "
                "set lr_scheduler.warmup_updates, or lr_scheduler.warmup_init_lr=null"
            )


class WarmupScheduler(LRScheduler):
    r"""A warm-up from a rate :math:`r_0` to the optimizer's :math:`r`, and then what a subclass says.

    The rate after n updates is :math:`r_0 + (r - r_0) n / W` before n = W, and :meth:`after_warmup` from there on.

    Raises:
        ConfigError: the schedule's lowest rate, which ``r_0`` is by default, is above the optimizer's.
    """

    def __init__(self, cfg: WarmupConfig, optimizer: Optimizer, min_lr: float = 0.0) -> None:
        super().__init__(cfg, optimizer)
        if min_lr > self.base_lr:
            raise ConfigError(
                f"lr_scheduler.min_lr={min_lr:g} is above optimizer.lr={self.base_lr:g}, which it falls from"
            )
        self.warmup_updates = cfg.warmup_updates
        self.init_lr = min_lr if cfg.warmup_init_lr is None else cfg.warmup_init_lr

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates."""
        if num_updates < self.warmup_updates:
            return between(self.init_lr, self.base_lr, num_updates / self.warmup_updates)
        return self.after_warmup(num_updates)

    @abstractmethod
    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, at least as many as the warm-up has."""
