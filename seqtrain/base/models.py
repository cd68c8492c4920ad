"""Base classes of models, and what a model may offer beside its forward pass."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

from seqtrain.base.data import TaskInfo
from seqtrain.config import ModelConfig


class ModelOutput(NamedTuple):
    """What a model returns: logits (B, T, V) and whatever else a criterion may want of it."""

    logits: Tensor
    extra: dict[str, Tensor]


def logits_of(output: ModelOutput | Tensor) -> Tensor:
    """Return the logits (B, T, V) of what a model returned."""
    return output.logits if isinstance(output, ModelOutput) else output


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


@runtime_checkable
class LinearlyProjected(Protocol):
    """A :class:`FeatureModel` whose ``project(features)`` may be ``features weight^T + bias`` and nothing else.

    Criterions then compute logits and their gradients in chunks, at once.
    """

    def projection_weights(self) -> tuple[Tensor, Tensor | None] | None:
        """Return the weight (V, D), and the bias (V,) or None; None alone if ``project`` is something else."""


class Choice(NamedTuple):
    """N choices among C classes by the logits ``features weight^T``."""

    features: Tensor
    """What each is made by, (N, D)."""
    weight: Tensor
    """Of the classes, (C, D)."""
    target: Tensor
    """The classes to choose, (N,)."""


@runtime_checkable
class AdaptivelyProjected(Protocol):
    """A :class:`FeatureModel` that may reach each symbol by choices among few classes, as an adaptive softmax does."""

    def adaptive_choices(self, features: Tensor, target: Tensor) -> list[Choice] | None:
        """Return the choices that lead from features (N, D) to target (N,), or None without an adaptive softmax.

        Their log-probabilities add up to those that ``project`` gives the targets. A target takes part in one choice
        or more.
        """


@runtime_checkable
class AttendingModel(Protocol):
    """A :class:`FeatureModel` that says how its target attends to its source; one without features has it in ``extra``.

    The latter returns ``ModelOutput(logits, {"attention": attention})``.
    """

    def extract_with_attention(self, *args: Any, **net_input: Any) -> tuple[Tensor, Tensor] | None:
        """Return the features (B, T, D), and for each target token the probabilities (B, T, S) of source tokens.

        None if the config leaves the model without attention.
        """


def with_attention(model: Model, net_input: dict[str, Tensor]) -> tuple[Tensor, Tensor] | None:
    """Return the features (B, T, D) of a model, its logits (B, T, V) if it has none, and its attention (B, T, S).

    None if the model does not say how its target attends to its source.
    """
    if isinstance(model, FeatureModel):
        return model.extract_with_attention(**net_input) if isinstance(model, AttendingModel) else None
    output = model(**net_input)
    if not (isinstance(output, ModelOutput) and "attention" in output.extra):
        return None
    return output.logits, output.extra["attention"]


@runtime_checkable
class CTCModel(Protocol):
    """A :class:`FeatureModel` whose encoder predicts the target too, if its config says so."""

    def extract_with_ctc(self, *args: Any, **net_input: Any) -> tuple[Tensor, Tensor] | None:
        """Return the features (B, T, D) and the encoder's logits (B, n S, V), n for each source position, or None."""


class EncoderModel(FeatureModel):
    """A model that sees ``source_tokens`` (B, S) as a whole and predicts for each position."""


class DecoderModel(FeatureModel):
    """A model that sees ``source_tokens`` (B, S) from left to right, such as a language model."""


class EncoderDecoderModel(FeatureModel):
    """A model of ``source_tokens`` (B, S), ``source_lengths`` (B,) and ``prev_output_tokens`` (B, T)."""


@dataclass(frozen=True)
class EncoderOutput:
    """What an encoder hands to a decoder."""

    features: Tensor
    """Encoded source, (B, S, D)."""
    padding_mask: Tensor
    """True where the source is padding, (B, S)."""

    def reorder(self, order: Tensor) -> "EncoderOutput":
        """Return the rows ``order`` (N,) of it."""
        return EncoderOutput(self.features[order], self.padding_mask[order])


@dataclass(frozen=True)
class NoSource:
    """What a model without an encoder, such as a language model, hands to its decoder: nothing."""

    def reorder(self, order: Tensor) -> "NoSource":
        """Return the same: there are no rows to pick."""
        return self


class IncrementalState(ABC):
    """What a model remembers between decoding steps, one row for each hypothesis."""

    @abstractmethod
    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (N,): beam search picks, repeats and drops hypotheses.

        N may be less or more than before: a search begins with one hypothesis of each sentence.
        """


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
        stand together and share its encoding. The search may overwrite the logits.
        """


@runtime_checkable
class PrefillingModel(IncrementalModel[EncodedT, StateT], Protocol[EncodedT, StateT]):
    """An incremental model that also takes up given tokens, such as a prompt, in one pass."""

    def prefill(self, tokens: Tensor, encoder_output: EncodedT, state: StateT) -> None:
        """Add tokens (N, P) to the state, as P calls of ``decode_step`` would."""


class Alignment(NamedTuple):
    """How a hypothesis attends to its source."""

    attention: Tensor
    """Probabilities of the source tokens for each token of the hypothesis, ends of both included, fp32, (T, S)."""
    links: list[tuple[int, int]]
    """Positions of source and target tokens that belong together, from 0; only tokens of text are counted."""

    @property
    def hard(self) -> str:
        """The links as fairseq prints them: ``0-0 2-1``, source before target."""
        return " ".join(f"{source}-{target}" for source, target in self.links)

    @property
    def soft(self) -> str:
        """The attention as fairseq prints it: the probabilities for a token with commas between, then the next's."""
        return " ".join(",".join(f"{share:.6f}" for share in row) for row in self.attention.tolist())


class Hypothesis(NamedTuple):
    """One result of a search."""

    tokens: Tensor
    """Ids, end of sentence included, (T,)."""
    score: float
    """Length-normalised log-probability, in nats."""
    positional_scores: Tensor
    """Log-probability of each token, in nats, (T,)."""
    alignment: Alignment | None = None
    """How it attends to its source, if that was asked for."""


class Generator(Protocol):
    """A search, as tasks see it."""

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence, best first."""


def clean_name(name: str) -> str:
    """Return a parameter's name without what ``torch.compile`` and wrappers of modules put into it."""
    while name.startswith(("module.", "_orig_mod.")):
        name = name.partition(".")[2]
    return name.replace("._orig_mod.", ".")
