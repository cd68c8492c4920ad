"""Beam search: the candidates of highest score go on."""

from torch import Tensor

from seqtrain.generation.candidates import Candidates, top_candidates
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.strategy import Strategy


class BeamSearch(Strategy):
    """Picks the best 2 * ``beam`` candidates of each sentence: the ``beam`` best that do not end are among them."""

    def pick(self, log_probs: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return the candidates of the highest log-probability, whatever hypotheses they continue."""
        scores = log_probs.add_(hypotheses.scores.unsqueeze(-1))
        return top_candidates(scores, 2 * hypotheses.cfg.width)
