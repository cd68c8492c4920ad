"""Label-smoothed cross-entropy with R-Drop: two passes with different dropout are to predict the same."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from seqtrain.criterions import Batch, LossOutput, Model, Sum, TaskInfo, register_criterion
from seqtrain.criterions._target_tokens import projected
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.fields import bounded
from seqtrain.nn.chunked_cross_entropy import CrossEntropySums, cross_entropy_of, normalized
from seqtrain.nn.divergence import symmetric_kl_divergence
from seqtrain.nn.row_chunks import sums_of_chunks


@dataclass
class LabelSmoothedCrossEntropyWithRDropConfig(LabelSmoothedCrossEntropyConfig):
    """Settings of ``label_smoothed_cross_entropy_with_rdrop``."""

    rdrop_alpha: float = bounded(0.0, at_least=0)
    """Weight of the divergence of the two passes, beside the sum of their losses; 0 makes one pass, without R-Drop."""


@register_criterion("label_smoothed_cross_entropy_with_rdrop", LabelSmoothedCrossEntropyWithRDropConfig)
class LabelSmoothedCrossEntropyWithRDrop(LabelSmoothedCrossEntropy):
    r"""R-Drop (Liang et al., NeurIPS 2021).

    Training passes each batch through the model twice. With p and q of the two passes the loss of a token is
    :math:`\frac12 (L_p + L_q + \alpha \frac12 (KL(p \| q) + KL(q \| p)))`: half of the paper's equation 4, so that
    losses compare with those of one pass, while alpha means the same. Evaluation makes one pass. Reports the means of
    both passes, and in training ``rdrop_kl_loss``, the divergence :math:`\frac12 (KL(p \| q) + KL(q \| p))`.
    """

    def __init__(self, cfg: LabelSmoothedCrossEntropyWithRDropConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.rdrop_alpha = cfg.rdrop_alpha

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""
        if not (self.training and self.rdrop_alpha):
            return super().forward(model, batch)
        tokens = self.tokens_of(batch)
        (first, project), (second, _) = (projected(model, batch, tokens) for _ in range(2))
        *sums, divergence = sums_of_chunks(
            self._of_chunk(project), first, second, tokens.target, rows=self.options.chunk_rows
        )
        means = CrossEntropySums(*sums)
        loss = means.loss + self.rdrop_alpha / 2 * divergence
        output = self.output(means._replace(loss=loss), batch, tokens)
        output.metrics["rdrop_kl_loss"] = Sum(divergence.detach(), tokens.number)
        return output

    def _of_chunk(self, project: Callable[[Tensor], Tensor]) -> Callable[..., list[Tensor]]:
        """Return what computes, of features of both passes and their target, the mean sums and the divergence."""

        def of_chunk(first: Tensor, second: Tensor, target: Tensor) -> list[Tensor]:
            p, q = (normalized(project(features), self.options) for features in (first, second))
            both = (cross_entropy_of(given, target, self.options) for given in (p, q))
            means = [(one + other) / 2 for one, other in zip(*both, strict=True)]
            return [*means, symmetric_kl_divergence(p.log_probs, q.log_probs)]

        return of_chunk
