"""Word error rate, which recognised speech is judged by."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from seqtrain.metrics.edit_distance import edit_distance
from seqtrain.scorers import Scorer, ScorerConfig, TextScore, register_scorer


@dataclass
class WERConfig(ScorerConfig):
    """Settings of ``wer``."""

    maximize: ClassVar[bool] = False
    char_level: bool = False
    """Count characters, spaces among them, instead of words: the character error rate."""
    lowercase: bool = False
    """Compare in lower case."""
    no_punct: bool = False
    """Leave out words of nothing but punctuation."""


@register_scorer("wer", WERConfig)
class WER(Scorer):
    """Words inserted, deleted and substituted, for 100 words of the references."""

    cfg: WERConfig

    def corpus_score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        """Return the rate; of references without a word, each that is inserted counts as if there were one."""
        pairs = [(self._units(one), self._units(other)) for one, other in zip(hypotheses, references, strict=True)]
        edits = sum(edit_distance(given, wanted) for given, wanted in pairs)
        total = sum(len(wanted) for _, wanted in pairs)
        cfg = self.cfg
        case, punct = "lc" if cfg.lowercase else "mixed", "no" if cfg.no_punct else "yes"
        label, unit = ("CER", "char") if cfg.char_level else ("WER", "word")
        return TextScore(label, 100 * edits / max(total, 1), f"nrefs:1|case:{case}|unit:{unit}|punct:{punct}")

    def _units(self, line: str) -> Sequence[str]:
        words = (line.lower() if self.cfg.lowercase else line).split()
        if self.cfg.no_punct:
            words = [word for word in words if not all(unicodedata.category(c).startswith("P") for c in word)]
        return " ".join(words) if self.cfg.char_level else words
