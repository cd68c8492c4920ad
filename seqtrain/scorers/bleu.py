"""BLEU (Papineni et al. 2002): n-grams that hypothesis and reference share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.scorers import ScorerConfig, register_scorer
from seqtrain.scorers._sacrebleu import SacreSentenceScorer

BleuTokenizer = Enum(
    "BleuTokenizer",
    {
        "auto": "auto",
        "none": "none",
        "13a": "13a",
        "intl": "intl",
        "char": "char",
        "zh": "zh",
        "ja-mecab": "ja-mecab",
        "ko-mecab": "ko-mecab",
        "spm": "spm",
        "flores101": "flores101",
        "flores200": "flores200",
    },
)
"""What splits text into the words of BLEU: sacreBLEU's tokenizers, and ``auto``. Not all are called as names can be."""

BY_LANGUAGE = {
    **dict.fromkeys(("zh", "zho", "cmn"), "zh"),
    **dict.fromkeys(("ja", "jpn"), "ja-mecab"),
    **dict.fromkeys(("ko", "kor"), "ko-mecab"),
}
"""The tokenizers of languages that put no spaces between words, or whose words end in many ways."""
EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}
"""The extra of seqtrain that a tokenizer needs."""


class Smoothing(str, Enum):
    """What is done about n-grams of a length of which none is right."""

    none = "none"
    floor = "floor"
    add_k = "add_k"
    exp = "exp"


@dataclass
class BLEUConfig(ScorerConfig):
    """Settings of ``bleu``."""

    tokenizer: BleuTokenizer = BleuTokenizer.auto
    """SacreBLEU's tokenizer; auto: zh, ja-mecab and ko-mecab for these languages, else 13a; none: text has tokens."""
    lowercase: bool = False
    """Compare in lower case."""
    smoothing: Smoothing = Smoothing.exp
    """For lengths of n-grams without a match: exp halves from one to the next, floor and add_k add ``smooth_value``."""
    smooth_value: float | None = bounded(None, above=0)
    """Number that floor (null: 0.1) or add_k (null: 1) adds."""
    max_ngram_order: int = bounded(4, at_least=1)
    """Longest n-grams, in words."""

    def contradictions(self) -> Iterable[str]:
        """A value is for a smoothing that adds one."""
        if self.smooth_value is not None and self.smoothing not in (Smoothing.floor, Smoothing.add_k):
            yield f"scorer.bleu.smooth_value={self.smooth_value} goes with scorer.bleu.smoothing=floor or add_k"


@register_scorer("bleu", BLEUConfig)
class BLEU(SacreSentenceScorer):
    """BLEU: the geometric mean of the precisions of n-grams, times a penalty for outputs that are too short.

    Raises:
        ConfigError: its tokenizer needs a package that is not installed, or a file that cannot be had.
    """

    cfg: BLEUConfig

    def build_metric(self) -> Any:
        """Return the BLEU of a corpus."""
        return self._metric(effective_order=False)

    def signature(self) -> str:
        """Return sacreBLEU's signature, and what it leaves out: the longest n-grams, unless they are of four words."""
        order = self.cfg.max_ngram_order
        return super().signature() + (f"|order:{order}" if order != 4 else "")

    def build_sentence_metric(self) -> Any:
        """Return the BLEU of a sentence: of n-grams up to the longest that there are."""
        return self._metric(effective_order=True)

    def _metric(self, *, effective_order: bool) -> Any:
        from sacrebleu.metrics.bleu import BLEU

        cfg, tokenizer = self.cfg, self._tokenizer()
        try:
            return BLEU(
                lowercase=cfg.lowercase,
                force=tokenizer == "none",  # or it warns that text looks tokenised, which is so on purpose
                tokenize=tokenizer,
                smooth_method=cfg.smoothing.value.replace("_", "-"),
                smooth_value=cfg.smooth_value,
                max_ngram_order=cfg.max_ngram_order,
                effective_order=effective_order,
            )
        except (RuntimeError, ImportError, OSError) as error:
            raise ConfigError(_lacking(tokenizer, error)) from error

    def _tokenizer(self) -> str:
        name: str = self.cfg.tokenizer.value
        language = re.split("[-_]", self.target_lang.lower())[0]
        return BY_LANGUAGE.get(language, "13a") if name == "auto" else name


def _lacking(tokenizer: str, error: Exception) -> str:
    if extra := EXTRAS.get(tokenizer):
        return (
            f"BLEU of this language is computed with the tokenizer {tokenizer}, which needs "
            f"pip install 'seqtrain[{extra}]'; or choose another, such as scorer.bleu.tokenizer=char"
        )
    return f"scorer.bleu.tokenizer={tokenizer}: sacreBLEU cannot get what it needs: {error}".rstrip()
