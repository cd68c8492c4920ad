"""Linear rise, constant peak, exponential fall to a final rate."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._curves import between
from seqtrain.lr_schedulers._run_length import RunLengthConfig


@dataclass
class TriStageConfig(RunLengthConfig):
    """Settings of ``tri_stage``."""

    phase_ratio: list[float] | None = bounded([0.1, 0.4, 0.5], at_least=0)
    """Shares of ``total_num_update`` that rise, hold and fall, three that sum to 1; null goes by updates."""
    warmup_updates: int = bounded(0, at_least=0)
    """Updates that rise, with ``phase_ratio=null``."""
    hold_updates: int = bounded(0, at_least=0)
    """Updates at the optimizer's rate, with ``phase_ratio=null``."""
    decay_updates: int = bounded(0, at_least=0)
    """Updates that fall, with ``phase_ratio=null``; if 0 it holds to the end."""
    init_lr_scale: float = bounded(0.01, at_least=0)
    """First rate, as a factor on the optimizer's."""
    final_lr_scale: float = bounded(0.01, above=0)
    """Final rate, as a factor on the optimizer's."""

    def contradictions(self) -> Iterable[str]:
        """The stages are given in one way."""
        yield from super().contradictions()
        ratio, by_updates = self.phase_ratio, self.warmup_updates + self.hold_updates + self.decay_updates
        if ratio is None and not by_updates:
            yield (
                "lr_scheduler.phase_ratio=null needs stages in updates: set lr_scheduler.warmup_updates, "
                "lr_scheduler.hold_updates and lr_scheduler.decay_updates"
            )
        if ratio is not None and by_updates:
            yield "the stages are given twice: to give them in updates set lr_scheduler.phase_ratio=null"
        if ratio is not None and not (len(ratio) == 3 and math.isclose(sum(ratio), 1, abs_tol=1e-3)):
            yield f"lr_scheduler.phase_ratio={ratio} must be three numbers that sum to 1"

    def needs_length(self) -> bool:
        """Shares are shares of something."""
        return self.phase_ratio is not None

    def stages(self) -> tuple[int, int, int]:
        """Return the updates that rise, hold and fall; shares are rounded so that together they are the whole run."""
        if self.phase_ratio is None:
            return self.warmup_updates, self.hold_updates, self.decay_updates
        total, (rise, hold, _) = self.length(), self.phase_ratio
        top, fall = round(total * rise), round(total * (rise + hold))
        return top, fall - top, total - fall


@register_lr_scheduler("tri_stage", TriStageConfig)
class TriStage(LRScheduler):
    r"""The three stages of SpecAugment (Park et al., Interspeech 2019, section 3.2).

    With the peak :math:`r`, the stages W, H, D in updates, and the scales a of the first and z of the final rate, the
    rate after n updates is :math:`r(a + (1 - a) n / W)` before W, :math:`r` before W + H, then
    :math:`r\,z^{(n - W - H) / D}`, and :math:`r z` from the end of the three on.
    """

    def __init__(self, cfg: TriStageConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.cfg = cfg
        self.rise, self.hold, self.fall = cfg.stages()

    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates."""
        if num_updates < self.rise:
            return between(self.base_lr * self.cfg.init_lr_scale, self.base_lr, num_updates / self.rise)
        fallen = num_updates - self.rise - self.hold
        if fallen < 0 or not self.fall:
            return self.base_lr
        return self.base_lr * math.pow(self.cfg.final_lr_scale, min(fallen / self.fall, 1.0))
