"""What a strategy of a search is asked: which candidates its hypotheses are continued with."""

from abc import ABC, abstractmethod

from torch import Tensor

from seqtrain.generation.candidates import Candidates
from seqtrain.generation.hypotheses import Hypotheses


class Strategy(ABC):
    """How a search picks what its hypotheses are continued with."""

    def begin(self, hypotheses: Hypotheses) -> None:
        """Take note of the hypotheses before the first is picked: one of each sentence."""

    @abstractmethod
    def pick(self, log_probs: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return candidates of each sentence, those to go on with first; ``log_probs`` (B, R, V) may be changed.

        There are ``width`` of each sentence at least, whether R is 1, as at the beginning, or ``width``. A candidate of
        score -inf does not exist. Of 2 * width that do, width at least must not end, unless hypotheses are to become
        fewer.
        """

    def follow(self, rows: Tensor, hypotheses: Hypotheses) -> None:
        """Take note of the hypotheses as they are now: those of the rows (N',) of before, each with one token more."""
