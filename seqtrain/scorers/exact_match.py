"""How many lines are right."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqtrain.scorers import Scorer, ScorerConfig, TextScore, register_scorer


@dataclass
class ExactMatchConfig(ScorerConfig):
    """Settings of ``exact_match``."""

    lowercase: bool = False
    """Compare in lower case."""


@register_scorer("exact_match", ExactMatchConfig)
class ExactMatch(Scorer):
    """The percentage of lines that are equal, spaces around them aside."""

    cfg: ExactMatchConfig

    def corpus_score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        """Return the percentage."""
        pairs = zip(hypotheses, references, strict=True)
        equal = sum(self._compared(hypothesis) == self._compared(reference) for hypothesis, reference in pairs)
        signature = f"nrefs:1|case:{'lc' if self.cfg.lowercase else 'mixed'}|strip:yes"
        return TextScore("exact match", 100 * equal / len(references), signature, unit=" %")

    def _compared(self, text: str) -> str:
        return text.strip().lower() if self.cfg.lowercase else text.strip()
