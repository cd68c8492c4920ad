"""How long outputs may be, by the lengths of their sources."""

from collections.abc import Mapping

from torch import Tensor

from seqtrain.base import Dictionary
from seqtrain.config import GenerationConfig
from seqtrain.errors import ConfigError


def longest_outputs(
    cfg: GenerationConfig, source: Mapping[str, Tensor], given: Tensor, dictionary: Dictionary
) -> list[int]:
    """Return the most tokens that each of B outputs is asked to have, end of sentence excluded.

    Args:
        cfg: says how.
        source: what the encoder sees; nothing, of a language model.
        given: (B,) tokens that the outputs begin with, by which those of a language model are measured.
        dictionary: of the sources.

    Raises:
        ConfigError: ``match_source_len`` without a source.
    """
    if cfg.match_source_len:
        return list(source_sizes(source, dictionary).tolist())
    return [cfg.longest_output(length) for length in source.get("source_lengths", given).tolist()]


def source_sizes(source: Mapping[str, Tensor], dictionary: Dictionary) -> Tensor:
    """Return the number of tokens of each source, end of sentence excluded, (B,).

    Raises:
        ConfigError: there is no source.
    """
    if "source_tokens" not in source:
        raise ConfigError("generation.match_source_len=true: a language model has no source whose length to match")
    tokens = source["source_tokens"]
    return (tokens.ne(dictionary.pad) & tokens.ne(dictionary.eos)).sum(1)
