"""Hypotheses that are one token longer, and which of them are best."""

from typing import NamedTuple

from torch import Tensor


class Candidates(NamedTuple):
    """Hypotheses that are one token longer, C of each sentence, those to go on with first."""

    scores: Tensor
    """Their log-probabilities, in nats, (B, C)."""
    parents: Tensor
    """Which of the sentence's hypotheses each continues, (B, C)."""
    tokens: Tensor
    """The token each adds, (B, C)."""


def top_candidates(scores: Tensor, count: int) -> Candidates:
    """Return the ``count`` best of ``scores`` (B, width, V); of equals, those of the first hypothesis and lowest id."""
    flat = scores.flatten(1)
    indices = flat.topk(count, sorted=False).indices.sort().values
    top, order = flat.gather(1, indices).sort(descending=True, stable=True)
    indices = indices.gather(1, order)
    vocabulary = scores.size(-1)
    return Candidates(top, indices.div(vocabulary, rounding_mode="floor"), indices.remainder(vocabulary))


def has_choice(log_probs: Tensor) -> Tensor:
    """Return whether more than one token may follow a hypothesis, bool (B, width, 1), given (B, width, V)."""
    return log_probs.isfinite().sum(-1, keepdim=True) > 1
