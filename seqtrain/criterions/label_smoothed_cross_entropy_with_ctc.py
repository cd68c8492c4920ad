"""Label-smoothed cross-entropy, and CTC on what the encoder alone makes of the source."""

from dataclasses import dataclass

from seqtrain.base import CTCModel, FeatureModel
from seqtrain.criterions import Batch, LossOutput, Model, Sum, TaskInfo, register_criterion
from seqtrain.criterions._ctc import CTCLoss
from seqtrain.criterions._target_tokens import Projected, cross_entropy_of_projected
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.registry import choice_of


@dataclass
class LabelSmoothedCrossEntropyWithCTCConfig(LabelSmoothedCrossEntropyConfig):
    """Settings of ``label_smoothed_cross_entropy_with_ctc``."""

    ctc_weight: float = bounded(1.0, at_least=0)
    """Weight of the CTC loss."""


@register_criterion("label_smoothed_cross_entropy_with_ctc", LabelSmoothedCrossEntropyWithCTCConfig)
class LabelSmoothedCrossEntropyWithCTC(LabelSmoothedCrossEntropy):
    """The cross-entropy of the decoder plus ``ctc_weight`` times the CTC loss of the encoder (Watanabe et al., 2017).

    A sentence whose target is longer than what the encoder gives to align it with has no CTC loss, as in fairseq.
    Reports ``ctc_loss``, before the weight, per target token.
    """

    def __init__(self, cfg: LabelSmoothedCrossEntropyWithCTCConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.ctc_weight = cfg.ctc_weight
        self.ctc = CTCLoss(task, zero_infinity=True)

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats.

        Raises:
            ConfigError: the model's encoder predicts nothing.
        """
        given = model.extract_with_ctc(**batch.net_input) if isinstance(model, CTCModel) else None
        if given is None or not isinstance(model, FeatureModel):
            raise ConfigError(
                f"criterion=label_smoothed_cross_entropy_with_ctc needs a model whose encoder predicts too, and "
                f"{choice_of(model)} does not: with model=transformer set model.ctc_upsampling=2, for targets of "
                "up to twice the source's length"
            )
        features, ctc_logits = given
        tokens = self.tokens_of(batch)
        sums = cross_entropy_of_projected(
            model, Projected(tokens.select(features), model.project), tokens, self.options
        )
        ctc_loss = self.ctc.loss(ctc_logits, batch)
        output = self.output(sums._replace(loss=sums.loss + self.ctc_weight * ctc_loss), batch, tokens)
        output.metrics["ctc_loss"] = Sum(ctc_loss.detach(), tokens.number)
        return output
