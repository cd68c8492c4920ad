"""What scorers that sacreBLEU (Post 2018) computes share.

They import it when they are built, and not before: it looks for a place for temporary files when it is imported, and
whoever decodes text has no need of it.
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from seqtrain.scorers import Scorer, ScorerConfig, SentenceScorer, TextScore


class SacreScorer(Scorer):
    """A scorer by one of sacreBLEU's metrics."""

    def __init__(self, cfg: ScorerConfig, target_lang: str = "") -> None:
        super().__init__(cfg, target_lang)
        self.metric = self.build_metric()

    @abstractmethod
    def build_metric(self) -> Any:
        """Return sacreBLEU's metric of a corpus."""

    def corpus_score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        """Return the score with sacreBLEU's name and signature."""
        score = self.metric.corpus_score(hypotheses, [references])
        return TextScore(score.name, score.score, self.signature())

    def signature(self) -> str:
        """Return sacreBLEU's signature of the last score."""
        return str(self.metric.get_signature())


class SacreSentenceScorer(SacreScorer, SentenceScorer):
    """One that sentences can be compared by too."""

    def build_sentence_metric(self) -> Any:
        """Return sacreBLEU's metric of a sentence."""
        return self.metric

    def utility(self, hypothesis: str, reference: str) -> float:
        """Return the score of a sentence, from 0 to 100."""
        score: float = self._sentence_metric.sentence_score(hypothesis, [reference]).score
        return score

    @cached_property
    def _sentence_metric(self) -> Any:
        return self.build_sentence_metric()
