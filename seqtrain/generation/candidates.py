"""Hypotheses that are one token longer, and which of them are best."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 128
"""How many scores are first looked at together, where many are looked through."""


class Candidates(NamedTuple):
    """Hypotheses that are one token longer, C of each sentence, those to go on with first."""

    scores: Tensor
    """Their log-probabilities, in nats, (B, C)."""
    parents: Tensor
    """Which of the sentence's hypotheses each continues, (B, C)."""
    tokens: Tensor
    """The token each adds, (B, C)."""

    def padded(self, count: int) -> "Candidates":
        """Return as many more of each sentence, which do not exist: their scores are -inf."""
        scores = functional.pad(self.scores, (0, count), value=-math.inf)
        return Candidates(scores, *(functional.pad(x, (0, count)) for x in self[1:]))


def top_candidates(scores: Tensor, count: int) -> Candidates:
    """Return the ``count`` best of ``scores`` (B, R, V); equals in the order of hypotheses and ids.

    Where there are fewer, what is missing has the score -inf.
    """
    flat, vocabulary = scores.flatten(1), scores.size(-1)
    missing = max(0, count - flat.size(1))
    top, indices = _top(flat, count - missing)
    candidates = Candidates(top, indices.div(vocabulary, rounding_mode="floor"), indices.remainder(vocabulary))
    return candidates.padded(missing) if missing else candidates


def _top(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the ``count`` best of ``scores`` (B, S) and where they stand, (B, count), the best first.

    They are among the ``count`` blocks of the highest maxima, and what is behind the last whole block: one cheap pass
    finds the maxima, and all the rest is about a few scores.
    """
    blocks = scores.size(1) // BLOCK
    if blocks <= 2 * count:
        return _top_of_few(scores, count)
    whole = scores[:, : blocks * BLOCK].view(len(scores), blocks, BLOCK)
    best = whole.amax(2).topk(count, sorted=False).indices.sort().values  # (B, count)
    few = whole.gather(1, best.unsqueeze(2).expand(-1, -1, BLOCK)).flatten(1)
    top, places = _top_of_few(torch.cat([few, scores[:, blocks * BLOCK :]], 1), count)
    starts = functional.pad(best, (0, 1), value=blocks).gather(1, places // BLOCK)
    return top, starts * BLOCK + places % BLOCK


def _top_of_few(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    indices = scores.topk(count, sorted=False).indices.sort().values
    top, order = scores.gather(1, indices).sort(descending=True, stable=True)
    return top, indices.gather(1, order)


def has_choice(log_probs: Tensor) -> Tensor:
    """Return whether more than one token may follow a hypothesis, bool (B, R, 1), given (B, R, V)."""
    return log_probs.isfinite().sum(-1, keepdim=True) > 1
