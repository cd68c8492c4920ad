"""Minimum Bayes risk: the hypothesis that is expected to be most like what the output should be."""

from collections import Counter
from collections.abc import Callable, Sequence

from torch import Tensor

from seqtrain.base import Dictionary, Generator, Hypothesis
from seqtrain.config import MBR
from seqtrain.errors import ConfigError

Utility = Callable[[str, str], float]
"""How good a text is if another one is right; higher is better."""


class MinimumBayesRisk:
    """A search that returns the hypotheses of the highest expected utility (Kumar & Byrne 2004), best first.

    All that is found, samples best of all (Eikema & Aziz 2020), stands for what may be right, and what is found twice
    counts twice. The expected utility of a hypothesis is the mean of its utilities against all others. Scores stay
    those of the search.

    Args:
        generator: finds the hypotheses to choose from.
        dictionary: of the target.
        utility: compares texts.
        nbest: how many to return for each sentence.
    """

    def __init__(self, generator: Generator, dictionary: Dictionary, utility: Utility, nbest: int) -> None:
        self.generator = generator
        self.dictionary = dictionary
        self.utility = utility
        self.nbest = nbest

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence; of equals, the one of the highest score first."""
        return [self._chosen(found) for found in self.generator.generate(net_input)]

    def _chosen(self, found: Sequence[Hypothesis]) -> list[Hypothesis]:
        texts = [self.dictionary.decode(hypothesis.tokens.tolist()) for hypothesis in found]
        utilities = expected_utilities(texts, self.utility)
        ranked = sorted(range(len(found)), key=lambda number: utilities[texts[number]], reverse=True)
        return [found[number] for number in ranked[: self.nbest]]


def expected_utilities(texts: Sequence[str], utility: Utility) -> dict[str, float]:
    """Return for each text the mean of its utilities against all the others; of one that is alone it is 0."""
    counts = Counter(texts)
    others = max(len(texts) - 1, 1)
    return {
        text: sum(utility(text, other) * (count - (text == other)) for other, count in counts.items()) / others
        for text in counts
    }


def utility_of(choice: MBR) -> Utility:
    """Return sentence BLEU or chrF, as sacreBLEU computes it, from 0 to 100.

    Raises:
        ConfigError: none is chosen.
    """
    # Whoever searches without it has no need of a scorer.
    if choice is MBR.bleu:
        from seqtrain.scorers.bleu import BLEU, BLEUConfig

        return BLEU(BLEUConfig()).utility
    if choice is MBR.chrf:
        from seqtrain.scorers.chrf import ChrF, ChrFConfig

        return ChrF(ChrFConfig()).utility
    raise ConfigError("generation.mbr=none compares nothing: set generation.mbr=chrf or bleu")
