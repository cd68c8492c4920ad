"""Hypotheses that are one token longer, and which of them are best."""

from typing import NamedTuple

from torch import Tensor


class Candidates(NamedTuple):
    """Hypotheses that are one token longer, C of each sentence, best first."""

    scores: Tensor
    """Their log-probabilities, in nats, (B, C)."""
    parents: Tensor
    """Which of the sentence's hypotheses each continues, (B, C)."""
    tokens: Tensor
    """The token each adds, (B, C)."""


def top_candidates(scores: Tensor, count: int) -> Candidates:
    """Return the ``count`` best of ``scores`` (B, beam, V); of equals, those of the first hypothesis and lowest id."""
    flat = scores.flatten(1)
    indices = flat.topk(count, sorted=False).indices.sort().values
    top, order = flat.gather(1, indices).sort(descending=True, stable=True)
    indices = indices.gather(1, order)
    vocabulary = scores.size(-1)
    return Candidates(top, indices.div(vocabulary, rounding_mode="floor"), indices.remainder(vocabulary))
