"""What every scorer guarantees, as checks to run on a plug-in of one's own: ``check_scorer(MyConfig())``.

Each check scores a few number names, and raises AssertionError if something is wrong.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from seqtrain.config import ScorerConfig
from seqtrain.data.number_names import english
from seqtrain.errors import DataError
from seqtrain.scorers import REGISTRY, Scorer, SentenceScorer
from seqtrain.testing.configs import check_config
from seqtrain.testing.guarantees import Check

REFERENCES = [english(number) for number in range(101_101, 1_000_000, 49_973)]
WRONG = ["zero minus"] * len(REFERENCES)


def check_scorer(cfg: ScorerConfig) -> None:
    """Run all the checks on the scorer that ``cfg`` describes."""
    for check in CHECKS:
        check(cfg)


def check_right_output(cfg: ScorerConfig) -> None:
    """The more lines are right, the better the score; best is that of the references themselves."""
    scorer, half = _built(cfg), len(REFERENCES) // 2
    values = [_value(scorer, REFERENCES[:right] + WRONG[right:]) for right in (0, half, len(REFERENCES))]
    better = [b > a if cfg.maximize else b < a for a, b in pairwise(values)]
    assert all(better), (
        f"with no, half and all lines right the scores are {', '.join(f'{value:g}' for value in values)}, "
        f"and by the config's `maximize` {'higher' if cfg.maximize else 'lower'} is better"
    )


def check_pairs(cfg: ScorerConfig) -> None:
    """Each line is scored against its own reference, wherever in the corpus both stand."""
    scorer, hypotheses = _built(cfg), [*REFERENCES[:3], *WRONG[3:]]
    value = _value(scorer, hypotheses)
    turned = scorer.score(hypotheses[::-1], REFERENCES[::-1]).value
    assert math.isclose(turned, value, rel_tol=1e-9), f"the same pairs in another order score {turned:g}, not {value:g}"
    best, crossed = _value(scorer, REFERENCES), _value(scorer, REFERENCES[::-1])
    assert crossed != best, "references in another order than the lines are as good as in the right one"


def check_any_text(cfg: ScorerConfig) -> None:
    """Any text has a finite score: empty lines, other scripts, one line alone."""
    scorer = _built(cfg)
    for hypotheses in ([""], ["   "], ["Ωμέγα 一二三"], ["a\tb"]):
        for references in (["one"], hypotheses, [""]):
            value = scorer.score(hypotheses, references).value
            assert math.isfinite(value), f"{hypotheses[0]!r} against {references[0]!r} scores {value}"


def check_unequal_numbers(cfg: ScorerConfig) -> None:
    """No lines, or lines without a reference each, are an error."""
    scorer = _built(cfg)
    for hypotheses, references in (([], []), (REFERENCES, REFERENCES[1:])):
        try:
            value = scorer.score(hypotheses, references).value
        except DataError:
            continue
        raise AssertionError(f"{len(hypotheses)} hypotheses and {len(references)} references score {value:g}")


def check_is_repeatable(cfg: ScorerConfig) -> None:
    """The same text has the same score and signature each time, and scoring changes no text."""
    hypotheses, references = [*REFERENCES[:5], *WRONG[5:]], list(REFERENCES)
    scorer = _built(cfg)
    first = scorer.score(hypotheses, references)
    scorer.score(WRONG, references)
    scores = [first, scorer.score(hypotheses, references), _built(cfg).score(hypotheses, references)]
    shown = [f"{score.value!r} ({score.signature})" for score in scores]
    assert scores == [first] * 3, "the score is {}, then {}, and {} when built anew".format(*shown)
    assert (hypotheses[5:], references) == (WRONG[5:], REFERENCES), "scoring changed the text"


def check_utility(cfg: ScorerConfig) -> str | None:
    """As one sentence's score against another, nothing is better than the other itself."""
    scorer = _built(cfg)
    if not isinstance(scorer, SentenceScorer):
        return "it scores no single sentences"
    for reference in REFERENCES[:3]:
        best, other = scorer.utility(reference, reference), scorer.utility(WRONG[0], reference)
        assert other < best, f"{WRONG[0]!r} has the utility {other:g} for {reference!r}, which itself has {best:g}"
    return None


CHECKS: tuple[Check, ...] = (
    check_config,
    check_right_output,
    check_pairs,
    check_any_text,
    check_unequal_numbers,
    check_is_repeatable,
    check_utility,
)


def _built(cfg: ScorerConfig) -> Scorer:
    return REGISTRY.build(cfg, "en")


def _value(scorer: Scorer, hypotheses: Sequence[str]) -> float:
    return scorer.score(hypotheses, REFERENCES).value
