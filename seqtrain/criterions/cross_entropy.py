"""Cross-entropy of the target tokens."""

from dataclasses import dataclass

from seqtrain.criterions import TargetTokenConfig, TargetTokenCriterion, TaskInfo, register_criterion
from seqtrain.nn.chunked_cross_entropy import Options


@dataclass
class CrossEntropyConfig(TargetTokenConfig):
    """Settings of ``cross_entropy``."""


@register_criterion("cross_entropy", CrossEntropyConfig)
class CrossEntropy(TargetTokenCriterion):
    """Negative log-likelihood of the target tokens; reports it as ``loss`` and ``nll_loss``, per token."""

    def __init__(self, cfg: CrossEntropyConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task, Options(z_loss=cfg.z_loss))
