"""Diverse beam search: groups of a beam that avoid each other's tokens (Vijayakumar et al. 2018)."""

import torch
from torch import Tensor

from seqtrain.generation.candidates import Candidates, has_choice, top_candidates
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.strategy import Strategy


class DiverseBeams(Strategy):
    """Picks candidates group by group: group g of G continues the hypotheses g, g + G, g + 2 G, ... of a sentence.

    A token costs ``strength`` for each candidate of an earlier group that adds it at the same position (Hamming
    diversity); the cost stays in the score. Candidates of the groups take turns. Where only one token is possible,
    because it is given or the limit of length is there, it costs nothing.
    """

    def __init__(self, groups: int, strength: float) -> None:
        self.groups = groups
        self.strength = strength

    def pick(self, log_probs: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return the best 2 * beam / groups candidates of each group."""
        costs = torch.zeros_like(log_probs[:, 0])
        groups = [self._pick_group(group, log_probs, hypotheses, costs) for group in range(self.groups)]
        return Candidates(*(torch.stack(parts, -1).flatten(1) for parts in zip(*groups, strict=True)))

    def _pick_group(self, group: int, log_probs: Tensor, hypotheses: Hypotheses, costs: Tensor) -> Candidates:
        """Return the candidates of a group, and add to the costs (B, V) of its tokens for the later ones."""
        first = min(group, log_probs.size(1) - 1)  # at the beginning there is one hypothesis, which all continue
        own = log_probs[:, first :: self.groups]
        total = own - costs.unsqueeze(1) * has_choice(own) + hypotheses.scores[:, first :: self.groups, None]
        scores, parents, tokens = top_candidates(total, 2 * hypotheses.cfg.width // self.groups)
        costs.scatter_add_(1, tokens, self.strength * scores.isfinite())
        return Candidates(scores, parents * self.groups + first, tokens)
