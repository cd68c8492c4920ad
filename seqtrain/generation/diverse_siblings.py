"""Beam search in which continuations of the same hypothesis compete (Li et al. 2016, arXiv 1611.08562)."""

import torch
from torch import Tensor

from seqtrain.generation.candidates import Candidates, has_choice, top_candidates
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.strategy import Strategy


class DiverseSiblings(Strategy):
    """Picks the best candidates, of which the k-th best that continues a hypothesis costs k * ``rate``.

    The cost stays in the score. It is not taken at position 0, where all continue the same, nor where only one token is
    possible, because it is given or the limit of length is there.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def pick(self, log_probs: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return the best candidates after each has paid for its rank."""
        count = 2 * hypotheses.cfg.width
        costly = has_choice(log_probs)
        scores = log_probs.add_(hypotheses.scores.unsqueeze(-1))
        if not hypotheses.length:
            return top_candidates(scores, count)
        siblings = top_candidates(scores.flatten(0, 1).unsqueeze(1), min(count, scores.size(-1)))
        ranks = torch.arange(1, siblings.scores.size(1) + 1, device=scores.device)
        paid = siblings.scores.view(*scores.shape[:2], -1) - ranks * self.rate * costly
        best, parents, places = top_candidates(paid, count)
        tokens = siblings.tokens.view_as(paid)
        return Candidates(best, parents, tokens.flatten(1).gather(1, parents * paid.size(-1) + places))
