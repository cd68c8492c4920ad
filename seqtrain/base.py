"""The base classes of the five kinds of plug-in, and what they pass to each other.

Shape letters: B batch, S source length, T target length, D model dim, V vocabulary.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqtrain.config import CriterionConfig, LRSchedulerConfig, ModelConfig, OptimizerConfig, TaskConfig
from seqtrain.errors import ConfigError
from seqtrain.registry import REGISTRIES

# ---------------------------------------------------------------------------------------------------------------
# What passes between them


class Dictionary(ABC):
    """Symbols and their ids; the same for text as a whole: ``encode`` and ``decode``."""

    bos: ClassVar[int] = 0
    pad: ClassVar[int] = 1
    eos: ClassVar[int] = 2
    unk: ClassVar[int] = 3
    specials: ClassVar[tuple[str, ...]] = ("<s>", "<pad>", "</s>", "<unk>")

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of symbols, specials included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without beginning or end of sentence."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bos, pad and eos are left out."""

    @abstractmethod
    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""

    @property
    def fingerprint(self) -> str:
        """Hash of what determines the ids: the kind of dictionary and its symbols in order."""
        symbols = "\n".join([type(self).__qualname__, *map(self.symbol, range(len(self)))])
        return hashlib.sha256(symbols.encode()).hexdigest()

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        """Encode many lines; a dictionary that can do so faster overrides this."""
        return [self.encode(line) for line in lines]


@dataclass(frozen=True)
class TaskInfo:
    """What a model or a criterion may know of the task; a task adds fields in a subclass."""

    source_dictionary: Dictionary
    """Symbols of the source; the same object as ``target_dictionary`` where the two are joint."""
    target_dictionary: Dictionary
    """Symbols of the target."""
    max_positions: tuple[int, int] = (1024, 1024)
    """Longest source and target, end of sentence included."""


@dataclass(frozen=True)
class Batch:
    """What one forward pass sees."""

    ids: Tensor
    """Positions of the sentences in their dataset, (B,)."""
    net_input: dict[str, Tensor]
    """Keyword arguments of the model's ``forward``."""
    target: Tensor
    """Ids to predict, padded on the right, (B, T)."""
    ntokens: int
    """Target tokens, padding left out."""
    nsentences: int
    """B."""
    seed: int = 0
    """Seed of dropout and other noise in this batch: a function of (seed, epoch, micro-batch index)."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on ``device``."""
        if self.target.device == device:
            return self
        return replace(
            self,
            ids=self.ids.to(device, non_blocking=True),
            net_input={name: x.to(device, non_blocking=True) for name, x in self.net_input.items()},
            target=self.target.to(device, non_blocking=True),
        )


class Sum(NamedTuple):
    """A sum over a batch and the weight to divide it by; sums of batches and ranks add up."""

    value: Tensor | float
    weight: Tensor | float


class ModelOutput(NamedTuple):
    """What a model returns: logits (B, T, V) and whatever else a criterion may want of it."""

    logits: Tensor
    extra: dict[str, Tensor]


class LossOutput(NamedTuple):
    """What a criterion returns."""

    loss: Tensor
    """Sum over the batch, in nats, ()."""
    sample_size: int
    """Denominator of the gradient: tokens or sentences."""
    metrics: dict[str, Sum]
    """Sums to report, by name, detached."""


class Hypothesis(NamedTuple):
    """One result of a search."""

    tokens: Tensor
    """Ids, end of sentence included, (T,)."""
    score: float
    """Length-normalised log-probability, in nats."""
    positional_scores: Tensor
    """Log-probability of each token, in nats, (T,)."""


@dataclass(frozen=True)
class PlanSpec:
    """How sentences become micro-batches; with the data, the seed and the epoch it fixes the plan."""

    max_tokens: int = 0
    max_sentences: int = 0
    multiple: int = 1
    seed: int = 1
    shuffle: bool = True


class Shard(NamedTuple):
    """Which micro-batches a process takes: those with index % world == rank."""

    rank: int = 0
    world: int = 1


class Dataset(ABC):
    """Sentences by number, and how to batch them."""

    fingerprint: str
    """Hash of the content."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of sentences."""

    @abstractmethod
    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return the sentences with these numbers as one batch."""

    @abstractmethod
    def batches(self, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0) -> Iterator[Batch]:
        """Yield the micro-batches of an epoch from the ``start``-th on."""


# ---------------------------------------------------------------------------------------------------------------
# Models


class Model(nn.Module, ABC):
    """The network and all learnable parameters, built as ``M(cfg, task)``."""

    def __init__(self, cfg: ModelConfig, task: TaskInfo) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, *args: Any, **net_input: Any) -> ModelOutput | Tensor:
        """Return the logits (B, T, V) of a batch, alone or with extras."""


class FeatureModel(Model):
    """A model whose last layer is a projection, so that a criterion can project in chunks."""

    @abstractmethod
    def extract_features(self, *args: Any, **net_input: Any) -> Tensor:
        """Return what the projection takes, (B, T, D)."""

    @abstractmethod
    def project(self, features: Tensor) -> Tensor:
        """Return the logits (..., V) of features (..., D)."""

    def forward(self, *args: Any, **net_input: Any) -> ModelOutput | Tensor:
        """Return the logits, (B, T, V)."""
        return self.project(self.extract_features(*args, **net_input))


def clean_name(name: str) -> str:
    """Return a parameter's name without what ``torch.compile`` and wrappers of modules put into it."""
    while name.startswith(("module.", "_orig_mod.")):
        name = name.partition(".")[2]
    return name.replace("._orig_mod.", ".")


@runtime_checkable
class LinearlyProjected(Protocol):
    """A :class:`FeatureModel` whose ``project(features)`` is ``features weight^T + bias`` and nothing else.

    Criterions then compute logits and their gradients in chunks, at once.
    """

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return the weight (V, D) and the bias (V,) or None."""


def logits_of(output: ModelOutput | Tensor) -> Tensor:
    """Return the logits (B, T, V) of what a model returned."""
    return output.logits if isinstance(output, ModelOutput) else output


class EncoderModel(FeatureModel):
    """A model that sees ``source_tokens`` (B, S) as a whole and predicts for each position."""


class DecoderModel(FeatureModel):
    """A model that sees ``source_tokens`` (B, S) from left to right, such as a language model."""


class EncoderDecoderModel(FeatureModel):
    """A model of ``source_tokens`` (B, S), ``source_lengths`` (B,) and ``prev_output_tokens`` (B, T)."""


@dataclass(frozen=True)
class EncoderOutput:
    """What an encoder hands to a decoder: features (B, S, D), and where they are padding (B, S)."""

    features: Tensor
    padding_mask: Tensor

    def reorder(self, order: Tensor) -> "EncoderOutput":
        """Return the rows ``order`` (N,) of it."""
        return EncoderOutput(self.features[order], self.padding_mask[order])


class IncrementalState(ABC):
    """What a model remembers between decoding steps, one row for each hypothesis."""

    @abstractmethod
    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (N,): beam search picks, repeats and drops hypotheses."""


EncodedT = TypeVar("EncodedT")
StateT = TypeVar("StateT", bound=IncrementalState)


@runtime_checkable
class IncrementalModel(Protocol[EncodedT, StateT]):
    """A model that decodes one token at a time; one without is decoded by full forward passes."""

    def encode(self, *args: Any, **source: Any) -> EncodedT:
        """Encode ``source_tokens`` (B, S), ``source_lengths`` (B,)."""

    def new_state(self, encoder_output: EncodedT, rows: int, max_length: int) -> StateT:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""

    def decode_step(self, prev_tokens: Tensor, encoder_output: EncodedT, state: StateT) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,).

        Row n belongs to the sentence n // (N // B) of ``encoder_output``: hypotheses of a sentence
        stand together and share its encoding.
        """


class Generator(Protocol):
    """A search, as tasks see it."""

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence, best first."""


# ---------------------------------------------------------------------------------------------------------------
# Criterions


class Criterion(nn.Module, ABC):
    """The loss, built as ``C(cfg, task)``."""

    def __init__(self, cfg: CriterionConfig, task: TaskInfo) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""


# ---------------------------------------------------------------------------------------------------------------
# Optimizers and schedulers


class Optimizer(ABC):
    """Updates parameters from gradients, built as ``O(cfg, named_parameters)``."""

    def __init__(self, cfg: OptimizerConfig, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        self.cfg = cfg

    @property
    @abstractmethod
    def lr(self) -> float:
        """Learning rate; setting it sets every group's, times its ``lr_scale``."""

    @lr.setter
    @abstractmethod
    def lr(self, value: float) -> None: ...

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss`` to those already there."""
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    @abstractmethod
    def step(self) -> None:
        """Update the parameters."""

    @abstractmethod
    def zero_grad(self) -> None:
        """Forget the gradients."""

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """Return the state as tensors named ``<parameter>.<key>``."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a state that :meth:`state_dict` returned."""

    def train(self) -> None:
        """Hold the parameters that training goes on with; most optimizers hold no others."""

    def eval(self) -> None:
        """Hold the parameters to evaluate and save; most optimizers hold no others."""


class LRScheduler(ABC):
    """The rate over training, built as ``S(cfg, optimizer)``."""

    def __init__(self, cfg: LRSchedulerConfig, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base_lr = optimizer.lr
        self.num_updates = 0

    @abstractmethod
    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, of nothing but it and the scheduler's own state."""

    def step_update(self, num_updates: int) -> float:
        """Set and return the rate of the update after ``num_updates``."""
        self.num_updates = num_updates
        lr = self.lr_at(num_updates)
        self.optimizer.lr = lr
        return lr

    def step(self, epoch: int, val_loss: float | None) -> None:
        """Learn that ``epoch`` (from 1) has ended, and the last validation's loss."""

    def state_dict(self) -> dict[str, Any]:
        """Return the scheduler's own state, as JSON can hold it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""


# ---------------------------------------------------------------------------------------------------------------
# Tasks

InfoT = TypeVar("InfoT", bound=TaskInfo)


class Task(ABC, Generic[InfoT]):
    """Dictionaries, datasets, batches, the step and inference, built as ``T(cfg)``.

    Building reads nothing. ``prepare`` gets the task ready from its data, ``load`` from a checkpoint; after
    either one ``info`` is there.
    """

    info: InfoT

    def __init__(self, cfg: TaskConfig) -> None:
        self.cfg = cfg

    def prepare(self) -> None:
        """Get ready to train: read or make the dictionaries, index the data."""

    def save(self, directory: Path) -> None:
        """Write what inference needs besides the model, such as the tokenizer's files."""

    def load(self, directory: Path) -> None:
        """Read what :meth:`save` wrote."""

    @abstractmethod
    def dataset(self, split: str) -> Dataset:
        """Return a split such as ``train``, ``valid`` or ``test``; the same object each time."""

    def splits(self, kind: str) -> list[str]:
        """Return the names of the sets of a kind: ``valid``, ``valid1``, ... where there are several."""
        return [kind]

    def text(self, split: str) -> tuple[list[str], list[str]]:
        """Return a split as text: what is given, and what decoding should give, a line for each sentence.

        Raises:
            ConfigError: the task has no text.
        """
        raise ConfigError(f"task {type(self).__name__} has no reference text: set validation.generate=false")

    def inference_dataset(self, lines: Sequence[str]) -> Dataset:
        """Return lines of text as sentences to decode, one each.

        Raises:
            ConfigError: the task cannot decode text.
        """
        raise ConfigError(f"task {type(self).__name__} does not decode text")

    def get_batch_iterator(
        self, dataset: Dataset, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0
    ) -> Iterator[Batch]:
        """Return the micro-batches of an epoch for one process, from the ``start``-th on."""
        return dataset.batches(epoch=epoch, plan=plan, shard=shard, start=start)

    def build_model(self, cfg: ModelConfig) -> Model:
        """Build the model for this task."""
        model: Model = REGISTRIES["model"].build(cfg, self.info)
        return model

    def build_criterion(self, cfg: CriterionConfig) -> Criterion:
        """Build the criterion for this task."""
        criterion: Criterion = REGISTRIES["criterion"].build(cfg, self.info)
        return criterion

    def train_step(self, batch: Batch, model: Model, criterion: Criterion, optimizer: Optimizer) -> LossOutput:
        """Compute the loss of a batch and add its gradients."""
        output: LossOutput = criterion(model, batch)
        optimizer.backward(output.loss)
        return output

    def valid_step(self, batch: Batch, model: Model, criterion: Criterion) -> LossOutput:
        """Compute the loss of a batch; gradients are off."""
        output: LossOutput = criterion(model, batch)
        return output

    def inference_step(self, batch: Batch, generator: Generator) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence of a batch, best first."""
        return generator.generate(batch.net_input)
