"""Sampling: outputs are drawn from the model's distribution, each for itself.

What is drawn is a pure function of the seed, the number of the sentence's line, the place among its unfinished samples,
and the position. So it does not depend on the batch, and those drawn first are the same however many are drawn.
"""

import math

import torch
from torch import Tensor

from seqtrain.config import GenerationConfig
from seqtrain.generation.candidates import Candidates
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.strategy import Strategy


class Sampling(Strategy):
    """Continues each hypothesis with one token, drawn among the most probable ones or among all.

    Scores are the log-probabilities of the whole distribution. One that has ended leaves, and the rest go on.

    Args:
        cfg: seed, sampling_topk and sampling_topp are used.
        lines: number of each sentence of the batch, (B0,).
    """

    def __init__(self, cfg: GenerationConfig, lines: Tensor) -> None:
        self.cfg = cfg
        self._streams = _mixed(_mixed(torch.full_like(lines, cfg.seed)) + lines).unsqueeze(-1)

    def pick(self, log_probs: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return one candidate of each sample; at the beginning all continue the one hypothesis there is."""
        samples = torch.arange(self.cfg.width, device=log_probs.device).expand(len(log_probs), -1)
        numbers = uniform(self._streams[hypotheses.sentences], samples, hypotheses.length)
        log_probs = log_probs.expand(-1, self.cfg.width, -1)
        weights, ids = self._choices(log_probs.exp())
        tokens = ids.gather(-1, drawn(weights, numbers).unsqueeze(-1))
        scores = hypotheses.scores + log_probs.gather(-1, tokens).squeeze(-1)
        return Candidates(scores, samples.clamp(max=hypotheses.scores.size(1) - 1), tokens.squeeze(-1))

    def _choices(self, probs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probabilities of the tokens to draw among, and their ids, (B, width, K)."""
        if self.cfg.sampling_topk:
            return top_k(probs, self.cfg.sampling_topk)
        if self.cfg.sampling_topp:
            return top_p(probs, self.cfg.sampling_topp)
        return probs, torch.arange(probs.size(-1), device=probs.device).expand_as(probs)


def top_k(probs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the ``count`` largest of probabilities (..., V) and their ids, in the order of ids."""
    ids = probs.topk(min(count, probs.size(-1)), sorted=False).indices.sort().values
    return probs.gather(-1, ids), ids


def top_p(probs: Tensor, mass: float) -> tuple[Tensor, Tensor]:
    """Return probabilities (..., V) and their ids, largest first; those after the first that reach ``mass`` are 0.

    So the fewest tokens that add up to ``mass`` are kept, of equals those of the lowest ids (Holtzman et al. 2020).
    """
    top, ids = probs.sort(descending=True, stable=True)
    before = top.cumsum(-1).roll(1, -1)
    before[..., 0] = -math.inf  # one is always kept
    return top.masked_fill_(before >= mass, 0.0), ids


def drawn(probs: Tensor, numbers: Tensor) -> Tensor:
    """Return tokens (...) drawn from weights (..., V) by numbers (...) in [0, 1): the inverse of their distribution.

    A token of weight 0 is never drawn, unless all are.
    """
    cumulated = probs.cumsum(-1).masked_fill_(probs == 0, 0.0)
    # The largest sum is above any threshold, in whatever order a device adds up.
    thresholds = numbers.unsqueeze(-1) * cumulated.amax(-1, keepdim=True)
    return (cumulated > thresholds).byte().argmax(-1)  # the first of them


def uniform(streams: Tensor, samples: Tensor, position: int) -> Tensor:
    """Return numbers in [0, 1), in steps of 2 ** -24, one for each stream, sample and position; shapes broadcast."""
    return _shifted(_mixed(_mixed(streams + samples) + position), 40).float() * 2**-24


def _mixed(state: Tensor) -> Tensor:
    """Return a hash of 64-bit integers: a round of SplitMix64 (Steele et al. 2014); what overflows wraps around."""
    state = state - 0x61C8864680B583EB
    state = (state ^ _shifted(state, 30)) * -0x40A7B892E31B1A47
    state = (state ^ _shifted(state, 27)) * -0x6B2FB644ECCEEE15
    return state ^ _shifted(state, 31)


def _shifted(state: Tensor, bits: int) -> Tensor:
    """Shift right, and fill up with zeros."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)
