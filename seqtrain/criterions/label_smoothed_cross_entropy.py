"""Cross-entropy of the target tokens with label smoothing."""

from dataclasses import dataclass

from seqtrain.criterions import TargetTokenConfig, TargetTokenCriterion, TaskInfo, register_criterion
from seqtrain.fields import bounded
from seqtrain.nn.chunked_cross_entropy import Options


@dataclass
class LabelSmoothedCrossEntropyConfig(TargetTokenConfig):
    """Settings of ``label_smoothed_cross_entropy``."""

    label_smoothing: float = bounded(0.1, at_least=0, below=1)
    """Probability that the loss expects of all other symbols than the target together."""
    ignore_prefix_size: int = bounded(0, at_least=0)
    """Target tokens at the start of each sentence that do not count, such as a language tag."""
    report_accuracy: bool = False
    """Report ``accuracy`` too: the share, in [0, 1], of tokens that the model finds most likely."""


@register_criterion("label_smoothed_cross_entropy", LabelSmoothedCrossEntropyConfig)
class LabelSmoothedCrossEntropy(TargetTokenCriterion):
    r"""Cross-entropy with an expected distribution that leaves other symbols a little probability.

    With the smoothing :math:`\epsilon` and V symbols, :math:`\epsilon_i = \epsilon / (V - 1)`, the loss of a token is
    :math:`(1 - \epsilon - \epsilon_i)(-\log p_y) + \epsilon_i \sum_v -\log p_v`, as in fairseq. (Szegedy et al., CVPR
    2016, section 7, spread :math:`\epsilon` over all V symbols, the target too.) Reports ``loss`` and the unsmoothed
    ``nll_loss``, per token.
    """

    def __init__(self, cfg: LabelSmoothedCrossEntropyConfig, task: TaskInfo) -> None:
        options = Options(cfg.label_smoothing, cfg.report_accuracy, z_loss=cfg.z_loss)
        super().__init__(cfg, task, options, cfg.ignore_prefix_size)
