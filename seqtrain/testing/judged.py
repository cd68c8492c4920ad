"""Small models for criterions to judge, and batches for these."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from seqtrain.base import Batch, Choice, Criterion, EncoderModel, FeatureModel, Model, ModelOutput, TaskInfo, logits_of
from seqtrain.config import CriterionConfig, ModelConfig
from seqtrain.criterions import REGISTRY
from seqtrain.criterions.adaptive_loss import AdaptiveLossConfig
from seqtrain.criterions.ctc import CTCConfig
from seqtrain.criterions.knowledge_distillation import KnowledgeDistillation
from seqtrain.criterions.label_smoothed_cross_entropy_with_alignment import LabelSmoothedCrossEntropyWithAlignmentConfig
from seqtrain.criterions.label_smoothed_cross_entropy_with_ctc import LabelSmoothedCrossEntropyWithCTCConfig
from seqtrain.nn.adaptive import AdaptiveSoftmax, bands_of

LENGTHS = (5, 3, 6, 1)


class LogitsModel(Model):
    """Predicts the next token from the last one alone, and gives logits."""

    def __init__(self, task: TaskInfo, dim: int = 6, seed: int = 1) -> None:
        super().__init__(ModelConfig(), task)
        size = len(task.target_dictionary)
        generator = torch.Generator().manual_seed(seed)
        self.embedding = nn.Embedding(size, dim, _weight=torch.randn(size, dim, generator=generator))
        self.weight = nn.Parameter(torch.randn(size, dim, generator=generator))
        self.bias = nn.Parameter(torch.randn(size, generator=generator))

    def forward(self, prev_output_tokens: Tensor, **_: Tensor) -> ModelOutput | Tensor:
        """Return the logits (B, T, V)."""
        return nn.functional.linear(self.embedding(prev_output_tokens), self.weight, self.bias)


class ProjectingModel(LogitsModel, FeatureModel):
    """The same, by features and their projection."""

    def extract_features(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the features (B, T, D)."""
        features: Tensor = self.embedding(prev_output_tokens)
        return features

    def project(self, features: Tensor) -> Tensor:
        """Return the logits (..., V)."""
        return nn.functional.linear(features, self.weight, self.bias)


class LinearModel(ProjectingModel):
    """The same, with a projection that says that it is linear."""

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return the weight (V, D) and the bias (V,)."""
        return self.weight, self.bias


class Attending(LogitsModel):
    """A model whose tokens attend to source tokens that are like them."""

    def attention(self, prev_output_tokens: Tensor, source_tokens: Tensor) -> Tensor:
        """Return the probabilities (B, T, S) of source tokens, 0 for padding."""
        scores: Tensor = self.embedding(prev_output_tokens) @ self.embedding(source_tokens).transpose(1, 2)
        return scores.masked_fill(source_tokens.eq(1)[:, None], torch.finfo(scores.dtype).min).softmax(dim=2)


class AttendingLogitsModel(Attending):
    """Gives the attention beside its logits."""

    def forward(self, prev_output_tokens: Tensor, **source: Tensor) -> ModelOutput:
        """Return the logits (B, T, V) and the attention (B, T, S)."""
        logits = logits_of(super().forward(prev_output_tokens))
        return ModelOutput(logits, {"attention": self.attention(prev_output_tokens, source["source_tokens"])})


class AttendingProjectingModel(Attending, ProjectingModel):
    """Gives the attention beside its features."""

    def extract_with_attention(
        self, prev_output_tokens: Tensor, source_tokens: Tensor, **_: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the features (B, T, D) and the attention (B, T, S)."""
        return self.extract_features(prev_output_tokens), self.attention(prev_output_tokens, source_tokens)


class AttendingLinearModel(AttendingProjectingModel, LinearModel):
    """The same, with a projection that says that it is linear."""


class SourceModel(ProjectingModel, EncoderModel):
    """Predicts for each position of the source."""

    def forward(self, source_tokens: Tensor, **_: Tensor) -> Tensor:  # type: ignore[override]  # of another input
        """Return the logits (B, S, V)."""
        return self.project(self.embedding(source_tokens))


class CTCProjectingModel(ProjectingModel):
    """Predicts the target from each position of the source too."""

    def extract_with_ctc(
        self, prev_output_tokens: Tensor, source_tokens: Tensor, **_: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """Return the features (B, T, D) and logits (B, S, V)."""
        return self.extract_features(prev_output_tokens), self.project(self.embedding(source_tokens))


class CTCLinearModel(CTCProjectingModel, LinearModel):
    """The same, with a projection that says that it is linear."""


class AdaptiveModel(FeatureModel):
    """Predicts likewise, by an adaptive softmax."""

    def __init__(self, task: TaskInfo, dim: int = 6) -> None:
        super().__init__(ModelConfig(), task)
        size = len(task.target_dictionary)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.embedding = nn.Embedding(size, dim)
            self.softmax = AdaptiveSoftmax(bands_of(size, [size // 2, size * 3 // 4], dim, factor=2))

    def extract_features(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the features (B, T, D)."""
        features: Tensor = self.embedding(prev_output_tokens)
        return features

    def project(self, features: Tensor) -> Tensor:
        """Return the log-probabilities (..., V)."""
        log_probs: Tensor = self.softmax(features)
        return log_probs

    def adaptive_choices(self, features: Tensor, target: Tensor) -> list[Choice]:
        """Return the choices that lead from features (N, D) to target (N,)."""
        return self.softmax.choices(features, target)


def models_for(cfg: CriterionConfig) -> tuple[Callable[[TaskInfo], Model], ...]:
    """Return the models that a criterion is to judge: each way in which one may give its logits."""
    if isinstance(cfg, LabelSmoothedCrossEntropyWithAlignmentConfig):
        return AttendingLogitsModel, AttendingProjectingModel, AttendingLinearModel
    if isinstance(cfg, LabelSmoothedCrossEntropyWithCTCConfig):
        return CTCProjectingModel, CTCLinearModel
    if isinstance(cfg, AdaptiveLossConfig):
        return (AdaptiveModel,)
    return (SourceModel,) if isinstance(cfg, CTCConfig) else (LogitsModel, ProjectingModel, LinearModel)


def build_criterion(cfg: CriterionConfig, task: TaskInfo) -> Criterion:
    """Build a criterion, ready to train; a teacher that it needs is another small model."""
    criterion: Criterion = REGISTRY.build(cfg, task)
    if isinstance(criterion, KnowledgeDistillation):
        criterion.learn_from(LogitsModel(task, seed=2))
    return criterion


def random_batch(task: TaskInfo, lengths: Iterable[int] = LENGTHS) -> Batch:
    """Return a batch of sentences of random target tokens with these lengths, end of sentence included."""
    generator, dictionary = torch.Generator().manual_seed(1), task.target_dictionary
    rows = [torch.randint(4, len(dictionary), (length,), generator=generator) for length in lengths]
    for row in rows:
        row[-1] = dictionary.eos
    target = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=dictionary.pad)
    return batch_of(target, task)


def batch_of(target: Tensor, task: TaskInfo) -> Batch:
    """Return the batch of these targets (B, T); each token has one or two of the source, which it is aligned with."""
    dictionary = task.target_dictionary
    there = target.ne(dictionary.pad)
    source = torch.where(target.ge(4), target % (len(task.source_dictionary) - 4) + 4, target)
    net_input = {
        "source_tokens": source.repeat_interleave(2, dim=1),
        "source_lengths": 2 * there.sum(dim=1),
        "prev_output_tokens": torch.cat([target.new_full((len(target), 1), dictionary.eos), target[:, :-1]], dim=1),
    }
    positions = torch.arange(target.size(1))
    links = torch.stack([2 * positions, positions], dim=1)
    links = torch.cat([links, links[::2] + torch.tensor([1, 0])])  # the second of two for each second token
    alignments = torch.where(there[:, links[:, 1], None], links, -1)
    return Batch(torch.arange(len(target)), net_input, target, int(there.sum()), len(target), alignments=alignments)


def padded(batch: Batch, columns: int, task: TaskInfo) -> Batch:
    """Return a batch with so many columns of padding more."""
    return batch_of(nn.functional.pad(batch.target, (0, columns), value=task.target_dictionary.pad), task)


def rows_of(batch: Batch, rows: slice, task: TaskInfo) -> Batch:
    """Return some of a batch's sentences, padded as before."""
    return batch_of(batch.target[rows], task)
