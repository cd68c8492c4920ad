"""Cross-entropy of the target tokens."""

from dataclasses import dataclass

from seqtrain.criterions import CriterionConfig, TargetTokenCriterion, register_criterion


@dataclass
class CrossEntropyConfig(CriterionConfig):
    """Settings of ``cross_entropy``."""


@register_criterion("cross_entropy", CrossEntropyConfig)
class CrossEntropy(TargetTokenCriterion):
    """Negative log-likelihood of the target tokens; reports it as ``loss`` and ``nll_loss``, per token."""
