"""Which strategy a config chooses."""

from torch import Tensor

from seqtrain.base import Dictionary
from seqtrain.config import Constraints, GenerationConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.constrained import Constrained
from seqtrain.generation.constraint_state import constraint_states
from seqtrain.generation.diverse_beam import DiverseBeams
from seqtrain.generation.diverse_siblings import DiverseSiblings
from seqtrain.generation.sampling import Sampling
from seqtrain.generation.strategy import Strategy


def strategy_of(
    cfg: GenerationConfig, inputs: dict[str, Tensor], sentences: Tensor, dictionary: Dictionary
) -> Strategy:
    """Return the strategy for a batch.

    Args:
        cfg: chooses it.
        inputs: ``constraint_tokens`` (B, K, L), K constraints of up to L tokens, padded on the right; ``line_numbers``
            (B,), by which samples are drawn and warnings speak of a sentence. Both may be missing.
        sentences: the row of each sentence, (B,): what counts where there are no numbers of lines.
        dictionary: of the target.

    Raises:
        ConfigError: there are constraints, and ``cfg`` does not say in which order they are to be met.
    """
    if "constraint_tokens" in inputs and cfg.constraints == Constraints.none:
        raise ConfigError("the input has constraints: set generation.constraints=ordered, or unordered")
    lines = inputs.get("line_numbers", sentences)
    if cfg.sampling:
        return Sampling(cfg, lines)
    if cfg.diverse_beam_groups:
        return DiverseBeams(cfg.diverse_beam_groups, cfg.diverse_beam_strength)
    if cfg.diversity_rate:
        return DiverseSiblings(cfg.diversity_rate)
    if "constraint_tokens" in inputs:
        states = constraint_states(
            inputs["constraint_tokens"], dictionary.pad, ordered=cfg.constraints == Constraints.ordered
        )
        return Constrained(states, dictionary.eos, lines.tolist())
    return BeamSearch()
