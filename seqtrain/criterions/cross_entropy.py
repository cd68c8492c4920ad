"""Cross-entropy of the target tokens."""

from dataclasses import dataclass

from seqtrain.criterions import (
    Batch,
    Criterion,
    CriterionConfig,
    LossOutput,
    Model,
    TaskInfo,
    register_criterion,
)
from seqtrain.criterions._target_tokens import TargetTokens, metrics_of, target_cross_entropy
from seqtrain.nn.chunked_cross_entropy import Options


@dataclass
class CrossEntropyConfig(CriterionConfig):
    """Settings of ``cross_entropy``."""


@register_criterion("cross_entropy", CrossEntropyConfig)
class CrossEntropy(Criterion):
    """Negative log-likelihood of the target tokens; reports it as ``loss`` and ``nll_loss``, per token."""

    def __init__(self, cfg: CrossEntropyConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.sentence_avg = cfg.sentence_avg
        self.pad = task.target_dictionary.pad
        self.options = Options()

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""
        tokens = TargetTokens(batch, self.pad)
        sums = target_cross_entropy(model, batch, tokens, self.options)
        sample_size = batch.nsentences if self.sentence_avg else tokens.number
        return LossOutput(sums.loss, sample_size, metrics_of(sums, tokens, self.options))
