"""Connectionist temporal classification, for models that predict for each position of the source."""

from dataclasses import dataclass

from seqtrain.base import EncoderModel, logits_of
from seqtrain.criterions import Batch, Criterion, CriterionConfig, LossOutput, Model, Sum, TaskInfo, register_criterion
from seqtrain.criterions._ctc import CTCLoss
from seqtrain.errors import ConfigError
from seqtrain.registry import choice_of


@dataclass
class CTCConfig(CriterionConfig):
    """Settings of ``ctc``."""

    zero_infinity: bool = False
    """Leave out sentences whose target is longer than what it is aligned with; their loss is infinite otherwise."""


@register_criterion("ctc", CTCConfig)
class CTC(Criterion):
    """CTC (Graves et al., ICML 2006), with the beginning of sentence as the blank.

    Reports ``loss`` per target token, end of sentence included though it is not predicted, and in evaluation
    ``token_error_rate``: the edit distance of the likeliest path to the target, divided by the target's tokens.
    """

    def __init__(self, cfg: CTCConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.sentence_avg = cfg.sentence_avg
        self.ctc = CTCLoss(task, zero_infinity=cfg.zero_infinity)

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats.

        Raises:
            ConfigError: the model predicts for positions of the target.
        """
        if not isinstance(model, EncoderModel):
            raise ConfigError(
                "criterion=ctc is for models that predict for each position of the source, and "
                f"{choice_of(model)} does not: choose criterion=label_smoothed_cross_entropy_with_ctc, or cross_entropy"
            )
        logits = logits_of(model(**batch.net_input))
        loss = self.ctc.loss(logits, batch)
        metrics = {"loss": Sum(loss.detach(), batch.ntokens)}
        if not self.training:
            metrics["token_error_rate"] = Sum(*self.ctc.errors(logits, batch))
        return LossOutput(loss, batch.nsentences if self.sentence_avg else batch.ntokens, metrics)
