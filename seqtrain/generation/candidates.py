"""From logits to the best candidates: score every token, rule some out, take the top.

A search that scores, restricts or picks differently replaces one of the three functions.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Candidates(NamedTuple):
    """Hypotheses that are one token longer, C of each sentence, best first."""

    scores: Tensor
    """Their log-probabilities, in nats, (B, C)."""
    parents: Tensor
    """Which of the sentence's hypotheses each continues, (B, C)."""
    tokens: Tensor
    """The token each adds, (B, C)."""


def score_tokens(logits: Tensor, scores: Tensor) -> Tensor:
    """Return the score of each hypothesis with each token added, in fp32, (B, beam, V).

    Args:
        logits: what the model returned, a row for each hypothesis, (B * beam, V).
        scores: log-probabilities of the hypotheses, (B, beam).
    """
    log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
    return log_probs.view(*scores.shape, -1).add_(scores.unsqueeze(-1))


def forbid(scores: Tensor, token: int, where: Tensor | None = None) -> None:
    """Rule out a token, in the sentences ``where`` (B,) is true or in all; changes ``scores`` (B, beam, V)."""
    column = scores[..., token]
    if where is None:
        column.fill_(-math.inf)
    else:
        column.masked_fill_(where.unsqueeze(-1), -math.inf)


def force(scores: Tensor, tokens: Tensor, where: Tensor) -> None:
    """Rule out all but one token (B,) in the sentences ``where`` (B,) is true; changes ``scores`` (B, beam, V)."""
    columns = tokens.view(-1, 1, 1).expand(-1, scores.size(1), 1)
    kept = scores.gather(2, columns)
    scores.masked_fill_(where.view(-1, 1, 1), -math.inf).scatter_(2, columns, kept)


def top_candidates(scores: Tensor, count: int) -> Candidates:
    """Return the ``count`` best of ``scores`` (B, beam, V); of equals, those of the first hypothesis and lowest id."""
    flat = scores.flatten(1)
    indices = flat.topk(count, sorted=False).indices.sort().values
    top, order = flat.gather(1, indices).sort(descending=True, stable=True)
    indices = indices.gather(1, order)
    vocabulary = scores.size(-1)
    return Candidates(top, indices.div(vocabulary, rounding_mode="floor"), indices.remainder(vocabulary))
