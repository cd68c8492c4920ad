"""Scorers of decoded text against references. Importing this registers none; see ``plugins.import_builtin``.

A config holds any number of them by name, chosen as a list: ``scorer=[bleu,chrf] scorer.bleu.lowercase=true``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqtrain.config import ScorerConfig
from seqtrain.errors import DataError
from seqtrain.registry import Registry


@dataclass(frozen=True)
class TextScore:
    """A score of a corpus, and how it was computed."""

    label: str
    """What the score is called, such as ``BLEU``."""
    value: float
    """The score."""
    signature: str
    """What has to be the same for two values to be comparable, in sacreBLEU's form."""
    unit: str = ""
    """What follows the value, such as `` %``."""

    def __str__(self) -> str:
        return f"{self.label}: {self.value:.{1 if self.unit else 2}f}{self.unit}"


class Scorer(ABC):
    """A score of decoded text against references, over a whole corpus; built as ``S(cfg, target_lang)``.

    Whether a higher score is better, its config says: ``ScorerConfig.maximize``.

    Args:
        cfg: the config.
        target_lang: code of the language that the text is in; empty if it is not known.
    """

    def __init__(self, cfg: ScorerConfig, target_lang: str = "") -> None:
        self.cfg = cfg
        self.target_lang = target_lang

    def score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        """Return the score of decoded text, a sentence each, against what it should be.

        Raises:
            DataError: there are no hypotheses, or more or fewer than references.
        """
        if len(hypotheses) != len(references):
            raise DataError(
                f"{len(hypotheses)} hypotheses cannot be scored against {len(references)} references: "
                "there must be one for each"
            )
        if not hypotheses:
            raise DataError("there are no hypotheses to score: the data set is empty")
        return self.corpus_score(hypotheses, references)

    @abstractmethod
    def corpus_score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        """Return the score of at least one hypothesis, with a reference for each."""


class SentenceScorer(Scorer):
    """A scorer that sentences can be compared by, each by itself, such as candidates of minimum Bayes risk."""

    @abstractmethod
    def utility(self, hypothesis: str, reference: str) -> float:
        """Return how good a sentence is if another is right; higher is better, whatever the score of a corpus is."""


REGISTRY: Registry[Scorer] = Registry("scorer", ScorerConfig, Scorer, several=True)
register_scorer = REGISTRY.register
register_scorer_preset = REGISTRY.register_preset


def build_scorers(configs: Mapping[str, ScorerConfig], target_lang: str) -> dict[str, Scorer]:
    """Build the scorers of a config, by the names that it has them under.

    Raises:
        ConfigError: one needs a package that is not installed.
    """
    return {name: REGISTRY.build(cfg, target_lang) for name, cfg in configs.items()}


__all__ = [
    "REGISTRY",
    "Scorer",
    "ScorerConfig",
    "SentenceScorer",
    "TextScore",
    "build_scorers",
    "register_scorer",
    "register_scorer_preset",
]
