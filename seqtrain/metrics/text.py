"""Scores of decoded text against references, over a whole corpus: BLEU and chrF by sacreBLEU, exact match."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqtrain.errors import ConfigError, DataError


@dataclass(frozen=True)
class TextScore:
    """A score of a corpus, and how it was computed."""

    name: str
    """Name of the metric, such as ``bleu``."""
    value: float
    """The score, from 0 to 100, higher is better."""
    signature: str
    """What has to be the same for two values to be comparable, in sacreBLEU's form."""

    def __str__(self) -> str:
        label = {"bleu": "BLEU", "chrf": "chrF"}.get(self.name, self.name.replace("_", " "))
        return f"{label}: {self.value:.1f} %" if self.name == "exact_match" else f"{label}: {self.value:.2f}"


def bleu(
    hypotheses: Sequence[str], references: Sequence[str], *, tokenize: str = "13a", lowercase: bool = False
) -> TextScore:
    """Return BLEU (Papineni et al. 2002) as sacreBLEU (Post 2018) computes it.

    Args:
        hypotheses: decoded text, a sentence each.
        references: what they should be.
        tokenize: sacreBLEU's tokenizer: ``13a``, ``intl``, ``char``, ...; ``none`` for text that is tokenised already.
        lowercase: whether to compare in lower case.

    Raises:
        DataError: there are no hypotheses, or more or fewer than references.
        ConfigError: sacreBLEU has no such tokenizer.
    """
    _check(hypotheses, references)
    if tokenize not in BLEU.TOKENIZERS:
        raise ConfigError(f"BLEU has no tokenizer {tokenize!r}; sacreBLEU's are: {', '.join(BLEU.TOKENIZERS)}")
    # `force` only silences the warning that text looks tokenised, where that is so on purpose.
    metric = BLEU(tokenize=tokenize, lowercase=lowercase, force=tokenize == "none")
    score = metric.corpus_score(hypotheses, [references]).score
    return TextScore("bleu", score, str(metric.get_signature()))


def chrf(hypotheses: Sequence[str], references: Sequence[str], *, word_order: int = 0) -> TextScore:
    """Return chrF (Popović 2015) as sacreBLEU computes it; chrF++ with ``word_order=2``.

    Raises:
        DataError: there are no hypotheses, or more or fewer than references.
    """
    _check(hypotheses, references)
    metric = CHRF(word_order=word_order)
    score = metric.corpus_score(hypotheses, [references]).score
    return TextScore("chrf", score, str(metric.get_signature()))


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
    """Return the percentage of lines that are equal, spaces around them aside.

    Raises:
        DataError: there are no hypotheses, or more or fewer than references.
    """
    _check(hypotheses, references)
    equal = sum(h.strip() == r.strip() for h, r in zip(hypotheses, references, strict=True))
    return TextScore("exact_match", 100.0 * equal / len(references), "nrefs:1|case:mixed|strip:yes")


SCORERS: Mapping[str, Callable[..., TextScore]] = {
    "bleu": bleu,
    "chrf": chrf,
    "exact_match": exact_match,
}
"""The function of each choice of ``validation.scorers``."""


def _check(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    if len(hypotheses) != len(references):
        raise DataError(
            f"{len(hypotheses)} hypotheses cannot be scored against {len(references)} references: "
            "there must be one for each"
        )
    if not hypotheses:
        raise DataError("there are no hypotheses to score: the data set is empty")
