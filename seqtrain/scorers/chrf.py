"""chrF (Popović 2015): n-grams of characters that hypothesis and reference share."""

from dataclasses import dataclass
from typing import Any

from seqtrain.fields import bounded
from seqtrain.scorers import ScorerConfig, register_scorer
from seqtrain.scorers._sacrebleu import SacreSentenceScorer


@dataclass
class ChrFConfig(ScorerConfig):
    """Settings of ``chrf``."""

    char_order: int = bounded(6, at_least=1)
    """Longest n-grams, in characters."""
    word_order: int = bounded(0, at_least=0)
    """Longest n-grams of words to count besides; 2 makes it chrF++ (Popović 2017)."""
    beta: int = bounded(2, at_least=1)
    """How many times as important recall is as precision."""
    lowercase: bool = False
    """Compare in lower case."""
    whitespace: bool = False
    """Count spaces as characters."""
    eps_smoothing: bool = False
    """Smooth as NLTK and Moses do, instead of leaving out lengths of n-grams that there are none of."""


@register_scorer("chrf", ChrFConfig)
class ChrF(SacreSentenceScorer):
    """The F score, which weighs recall ``beta`` times as much, of n-grams of characters."""

    cfg: ChrFConfig

    def build_metric(self) -> Any:
        """Return chrF, of a corpus as of a sentence."""
        from sacrebleu.metrics.chrf import CHRF

        cfg = self.cfg
        return CHRF(
            char_order=cfg.char_order,
            word_order=cfg.word_order,
            beta=cfg.beta,
            lowercase=cfg.lowercase,
            whitespace=cfg.whitespace,
            eps_smoothing=cfg.eps_smoothing,
        )
