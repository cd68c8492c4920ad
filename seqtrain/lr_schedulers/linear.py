"""Linear warm-up, then linear decay to a final rate."""

from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import Optimizer, register_lr_scheduler
from seqtrain.lr_schedulers._curves import between
from seqtrain.lr_schedulers._run_length import RunLengthConfig
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler


@dataclass
class LinearConfig(RunLengthConfig, WarmupConfig):
    """Settings of ``linear``."""

    end_learning_rate: float = bounded(0.0, at_least=0)
    """Learning rate from ``total_num_update`` on."""


@register_lr_scheduler("linear", LinearConfig)
class Linear(WarmupScheduler):
    r"""The schedule of BERT (Devlin et al., 2019, appendix A.2): up to the optimizer's rate and down, both linearly.

    With the peak :math:`r`, the final rate :math:`r_T`, the warm-up W and the end T, the rate after n updates is
    :math:`r_T + (r - r_T)(T - n) / (T - W)` from n = W on, and :math:`r_T` from n = T on.
    """

    def __init__(self, cfg: LinearConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.end_lr, self.total = cfg.end_learning_rate, cfg.length()

    def after_warmup(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, on the line down."""
        if num_updates >= self.total:
            return self.end_lr
        remaining = (self.total - num_updates) / (self.total - self.warmup_updates)
        return between(self.end_lr, self.base_lr, remaining)
