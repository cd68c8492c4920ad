"""Small models for criterions to judge, and batches for these."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from seqtrain.base import Batch, Criterion, FeatureModel, Model, TaskInfo
from seqtrain.config import CriterionConfig, ModelConfig
from seqtrain.criterions import REGISTRY
from seqtrain.criterions.knowledge_distillation import KnowledgeDistillation

LENGTHS = (5, 3, 6, 1)


class LogitsModel(Model):
    """Predicts the next token from the last one alone, and gives logits."""

    def __init__(self, task: TaskInfo, dim: int = 6, seed: int = 1) -> None:
        super().__init__(ModelConfig(), task)
        size = len(task.target_dictionary)
        generator = torch.Generator().manual_seed(seed)
        self.embedding = nn.Parameter(torch.randn(size, dim, generator=generator))
        self.weight = nn.Parameter(torch.randn(size, dim, generator=generator))
        self.bias = nn.Parameter(torch.randn(size, generator=generator))

    def forward(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the logits (B, T, V)."""
        return nn.functional.linear(self.embedding[prev_output_tokens], self.weight, self.bias)


class ProjectingModel(LogitsModel, FeatureModel):
    """The same, by features and their projection."""

    def extract_features(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the features (B, T, D)."""
        return self.embedding[prev_output_tokens]

    def project(self, features: Tensor) -> Tensor:
        """Return the logits (..., V)."""
        return nn.functional.linear(features, self.weight, self.bias)


class LinearModel(ProjectingModel):
    """The same, with a projection that says that it is linear."""

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return the weight (V, D) and the bias (V,)."""
        return self.weight, self.bias


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
    """Return the batch of these targets (B, T)."""
    dictionary = task.target_dictionary
    prev_output_tokens = torch.cat([target.new_full((len(target), 1), dictionary.eos), target[:, :-1]], dim=1)
    net_input = {"prev_output_tokens": prev_output_tokens}
    ntokens = int(target.ne(dictionary.pad).sum())
    return Batch(torch.arange(len(target)), net_input, target, ntokens, len(target))


def padded(batch: Batch, columns: int, task: TaskInfo) -> Batch:
    """Return a batch with so many columns of padding more."""
    return batch_of(nn.functional.pad(batch.target, (0, columns), value=task.target_dictionary.pad), task)


def rows_of(batch: Batch, rows: slice, task: TaskInfo) -> Batch:
    """Return some of a batch's sentences, padded as before."""
    return batch_of(batch.target[rows], task)
