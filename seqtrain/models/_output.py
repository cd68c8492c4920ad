"""What models share that end in a projection to the vocabulary: linear, or an adaptive softmax."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.models import Choice, FeatureModel, ModelConfig, TaskInfo
from seqtrain.nn.adaptive import AdaptiveEmbedding, AdaptiveSoftmax, bands_of
from seqtrain.nn.embedding import output_projection


@dataclass
class OutputFields(ModelConfig):
    """Base of the configs of such models."""

    share_decoder_input_output_embed: bool = False
    """Use the decoder's embeddings as the output projection too."""
    adaptive_softmax_cutoff: list[int] = bounded([], at_least=1)
    """Numbers of the symbols at which bands of rarer ones begin, rising; empty for a linear output projection."""
    adaptive_softmax_factor: float = bounded(4.0, at_least=1)
    """By how much each band of the adaptive softmax has fewer dimensions than the one before."""
    adaptive_softmax_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout on the adaptive softmax's features and on those of bands."""

    @property
    def is_normalized(self) -> bool:
        """An adaptive softmax gives log-probabilities."""
        return bool(self.adaptive_softmax_cutoff)

    def contradictions(self) -> Iterable[str]:
        """Cutoffs rise, and the projection is the embeddings or an adaptive softmax."""
        yield from super().contradictions()
        yield from cutoff_problems("adaptive_softmax_cutoff", self.adaptive_softmax_cutoff)
        if self.adaptive_softmax_cutoff and self.share_decoder_input_output_embed:
            yield (
                "model.share_decoder_input_output_embed=true is for a linear output projection, but "
                f"model.adaptive_softmax_cutoff={self.adaptive_softmax_cutoff} is set: leave out one of them"
            )


class ProjectingModel(FeatureModel):
    """A model whose ``output_projection`` is the last thing that it does."""

    output_projection: nn.Linear | AdaptiveSoftmax

    def project(self, features: Tensor) -> Tensor:
        """Return the logits (..., V) of features (..., D); log-probabilities if there is an adaptive softmax."""
        logits: Tensor = self.output_projection(features)
        return logits

    def projection_weights(self) -> tuple[Tensor, Tensor | None] | None:
        """Return the weight (V, D) of a linear projection, and its bias: criterions may project in chunks."""
        output = self.output_projection
        return (output.weight, output.bias) if isinstance(output, nn.Linear) else None

    def adaptive_choices(self, features: Tensor, target: Tensor) -> list[Choice] | None:
        """Return the choices of an adaptive softmax that lead from features (N, D) to target (N,)."""
        output = self.output_projection
        return output.choices(features, target) if isinstance(output, AdaptiveSoftmax) else None


def build_output(
    cfg: OutputFields,
    dim: int,
    task: TaskInfo,
    tied_to: nn.Module | None = None,
    *,
    tie_projections: bool = False,
    bias: bool = False,
) -> nn.Linear | AdaptiveSoftmax:
    """Return the projection of features (..., D).

    Args:
        cfg: Which kind of projection it is.
        dim: D.
        task: Gives the vocabulary.
        tied_to: Embedding whose weights the projection shares: an adaptive one for an adaptive softmax.
        tie_projections: Whether an adaptive softmax shares the projections of the embedding's bands too.
        bias: Whether a linear projection that is not tied has a bias.

    Raises:
        ConfigError: the bands of an adaptive softmax do not fit the vocabulary.
    """
    size, cutoffs = len(task.target_dictionary), cfg.adaptive_softmax_cutoff
    if not cutoffs:
        return output_projection(dim, size, tied_to if isinstance(tied_to, nn.Embedding) else None, bias=bias)
    return AdaptiveSoftmax(
        bands_of(size, cutoffs, dim, cfg.adaptive_softmax_factor),
        dropout=cfg.adaptive_softmax_dropout,
        tied_to=tied_to if isinstance(tied_to, AdaptiveEmbedding) else None,
        tie_projections=tie_projections,
    )


def check_one_dictionary(task: TaskInfo) -> None:
    """See that a language model may predict with the embeddings of what it reads.

    Raises:
        ConfigError: the task predicts other symbols than it reads.
    """
    if not task.source_dictionary.shares_ids_with(task.target_dictionary):
        raise ConfigError(
            "model.share_decoder_input_output_embed and model.tie_adaptive_weights need one dictionary for what is "
            "read and what is predicted, but the task has two: leave them out"
        )


def cutoff_problems(field: str, cutoffs: Sequence[int]) -> Iterable[str]:
    """Yield what is wrong with the cutoffs in a field: they must rise."""
    if any(second <= first for first, second in pairwise(cutoffs)):
        yield f"model.{field}={cutoffs} must rise: write {sorted(set(cutoffs))}"
