from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from seqtrain.errors import DataError
from seqtrain.plugins import import_builtin
from seqtrain.scorers import Scorer, ScorerConfig, TextScore, build_scorers
from seqtrain.scorers.bleu import BLEUConfig
from seqtrain.scorers.exact_match import ExactMatchConfig

import_builtin()


@dataclass
class LengthConfig(ScorerConfig):
    """Of nothing."""


class Length(Scorer):
    def corpus_score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        return TextScore("length", len(hypotheses[0]) / len(references[0]), "")


def test_hypotheses_and_references_must_be_as_many() -> None:
    scorer = Length(LengthConfig())
    assert scorer.score(["ab"], ["a"]).value == 2
    with pytest.raises(DataError, match="2 hypotheses cannot be scored against 1 references"):
        scorer.score(["a", "b"], ["a"])
    with pytest.raises(DataError, match="no hypotheses to score"):
        scorer.score([], [])


def test_scores_as_they_are_printed() -> None:
    assert str(TextScore("BLEU", 12.3456, "")) == "BLEU: 12.35"
    assert str(TextScore("exact match", 98.76, "", " %")) == "exact match: 98.8 %"


def test_scorers_are_built_by_their_names_for_a_language() -> None:
    built = build_scorers({"cased": BLEUConfig(), "exact": ExactMatchConfig()}, "zh")
    assert list(built) == ["cased", "exact"]
    assert "tok:zh" in built["cased"].score(["a"], ["a"]).signature
