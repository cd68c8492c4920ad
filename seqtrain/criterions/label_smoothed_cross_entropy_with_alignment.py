"""Label-smoothed cross-entropy, and attention that is told which source tokens a target token belongs to."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqtrain.base import FeatureModel, with_attention
from seqtrain.criterions import Batch, LossOutput, Model, Sum, TaskInfo, register_criterion
from seqtrain.criterions._target_tokens import Projected, TargetTokens, cross_entropy_of_projected
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.errors import ConfigError, PluginError
from seqtrain.fields import bounded
from seqtrain.nn.log_probs import at_least_fp32
from seqtrain.registry import choice_of


@dataclass
class LabelSmoothedCrossEntropyWithAlignmentConfig(LabelSmoothedCrossEntropyConfig):
    """Settings of ``label_smoothed_cross_entropy_with_alignment``."""

    alignment_lambda: float = bounded(0.05, at_least=0)
    """Weight of the alignment loss."""


@register_criterion("label_smoothed_cross_entropy_with_alignment", LabelSmoothedCrossEntropyWithAlignmentConfig)
class LabelSmoothedCrossEntropyWithAlignment(LabelSmoothedCrossEntropy):
    r"""Supervised attention (Garg et al., EMNLP 2019, section 4.1).

    With A the attention that the model gives, a target token t that is aligned with the source tokens :math:`S_t` adds
    :math:`\lambda \frac{1}{|S_t|} \sum_{s \in S_t} -\log A_{ts}` to the loss. Reports ``alignment_loss``, for each
    target token that is aligned. A set without alignments, unless it is trained on, has the cross-entropy alone.
    """

    def __init__(self, cfg: LabelSmoothedCrossEntropyWithAlignmentConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.alignment_lambda = cfg.alignment_lambda

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""
        if batch.alignments is None:
            if self.training:
                raise ConfigError(
                    "criterion=label_smoothed_cross_entropy_with_alignment learns from alignments: set "
                    "task.load_alignments=true, or choose criterion=label_smoothed_cross_entropy"
                )
            return super().forward(model, batch)
        tokens = self.tokens_of(batch)
        given, attention = _attended(model, batch, tokens)
        sums = cross_entropy_of_projected(model, given, tokens, self.options)
        misaligned, aligned = alignment_loss(attention, batch.alignments)
        output = self.output(sums._replace(loss=sums.loss + self.alignment_lambda * misaligned), batch, tokens)
        output.metrics["alignment_loss"] = Sum(misaligned.detach(), aligned)
        return output


def alignment_loss(attention: Tensor, alignments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum, (), over aligned target tokens of the mean -log(attention), in nats, and their number, ().

    Both are in fp32 at least, whatever the attention comes in: half precision does not count beyond a few hundred.

    Args:
        attention: probabilities of source tokens for each target token, (B, T, S).
        alignments: links of source and target positions, (B, A, 2), filled up with -1.
    """
    attention = attention.to(at_least_fp32(attention.dtype))
    source, target = alignments.clamp(min=0).unbind(dim=2)  # (B, A)
    there = alignments[..., 0].ge(0).to(attention.dtype)
    links = attention.new_zeros(attention.shape[:2]).scatter_add_(1, target, there)  # (B, T), of each target token
    weights = there / links.gather(1, target).clamp(min=1)
    rows = torch.arange(len(attention), device=attention.device)[:, None]
    probabilities = attention[rows, target, source].clamp(min=torch.finfo(attention.dtype).tiny)
    return -(weights * probabilities.log()).sum(), weights.sum()


def _attended(model: Model, batch: Batch, tokens: TargetTokens) -> tuple[Projected, Tensor]:
    """Return what the logits of ``tokens`` are made of, and the attention (B, T, S).

    Raises:
        PluginError: the model does not give it.
    """
    if (found := with_attention(model, batch.net_input)) is None:
        raise PluginError(
            f"{choice_of(model)} does not give its attention to the source, which the alignment loss needs: take a "
            "model with extract_with_attention(), such as transformer_align, or one that returns it in "
            "ModelOutput.extra"
        )
    given, attention = found
    project = model.project if isinstance(model, FeatureModel) else lambda logits: logits
    return Projected(tokens.select(given), project), attention
