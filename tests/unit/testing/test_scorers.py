from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

import pytest

from seqtrain.plugins import import_builtin
from seqtrain.scorers import REGISTRY, ScorerConfig, SentenceScorer, TextScore
from seqtrain.testing.guarantees import Verdict
from seqtrain.testing.scorers import CHECKS, check_scorer
from seqtrain.testing.suite import run_suite

import_builtin()


class Fault(str, Enum):
    none = "none"
    upside_down = "upside_down"
    first_line_only = "first_line_only"
    by_position = "by_position"
    as_sets = "as_sets"
    infinite = "infinite"
    unchecked = "unchecked"
    remembers = "remembers"
    utility = "utility"


@dataclass
class FaultyConfig(ScorerConfig):
    maximize: ClassVar[bool] = False
    fault: Fault = Fault.none


class Faulty(SentenceScorer):
    """The percentage of lines that are wrong, with a fault."""

    cfg: FaultyConfig
    calls = 0

    def score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        unchecked = self.cfg.fault is Fault.unchecked
        return self.corpus_score(hypotheses, references) if unchecked else super().score(hypotheses, references)

    def corpus_score(self, hypotheses: Sequence[str], references: Sequence[str]) -> TextScore:
        fault = self.cfg.fault
        right = [one == other for one, other in zip(hypotheses, references, strict=False)]
        if fault is Fault.as_sets:
            right = [one in references for one in hypotheses]
        weights = [2.0**-n if fault is Fault.by_position else 1.0 for n in range(len(right))]
        value = 100 - 100 * sum(w for w, is_right in zip(weights, right, strict=True) if is_right) / max(
            sum(weights), 1
        )
        if fault is Fault.first_line_only:
            value = 100 - 100 * right[0]
        if fault is Fault.infinite and not hypotheses[0].strip():
            value = float("inf")
        self.calls += 1
        bias = self.calls / 1e6 if fault is Fault.remembers else 0
        return TextScore("wrong", (100 - value if fault is Fault.upside_down else value) + bias, "")

    def utility(self, hypothesis: str, reference: str) -> float:
        return float((hypothesis == reference) != (self.cfg.fault is Fault.utility))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield
    REGISTRY.forget({__name__})


def test_a_sound_scorer_has_all_guarantees() -> None:
    check_scorer(FaultyConfig())


@pytest.mark.parametrize(
    ("fault", "guarantee", "reason"),
    [
        (Fault.upside_down, "right output", "by the config's `maximize` lower is better"),
        (Fault.first_line_only, "right output", "with no, half and all lines right the scores are 100, 0, 0"),
        (Fault.by_position, "pairs", "the same pairs in another order score"),
        (Fault.as_sets, "pairs", "references in another order than the lines are as good"),
        (Fault.infinite, "any text", "'' against 'one' scores inf"),
        (Fault.unchecked, "unequal numbers", "0 hypotheses and 0 references score 100"),
        (Fault.remembers, "is repeatable", "the score is 72.222"),
        (Fault.utility, "utility", "has the utility 1 for"),
    ],
)
def test_a_fault_is_found(fault: Fault, guarantee: str, reason: str) -> None:
    results = {one.guarantee: one for one in run_suite(FaultyConfig(fault=fault), Path("/nowhere"))}
    assert len(results) == len(CHECKS)
    assert results[guarantee].verdict is Verdict.broken and reason in results[guarantee].reason
