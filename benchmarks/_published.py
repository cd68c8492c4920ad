"""fairseq 0.12.2, which no Python from 3.11 on can import: what it would reach here, from figures measured before.

These were measured on one machine in one day: two cores (AMD EPYC, AVX2), two threads, torch 2.13. A ratio of two of
them is carried over to what is measured now.
"""

from collections.abc import Sequence

from benchmarks._rounds import Result

FAIRSEQ = "fairseq 0.12.2 (converted)"
REFERENCE = "eole 0.6.4"
FROM_REFERENCE = {
    ("tiny", "default"): {"tiny": 3490 / 3235},
    ("tiny", "retaining"): {"tiny": 4909 / 4094},
    ("base", "default"): {"base": 431 / 429, "lm": 891 / 429},
}
"""By work and malloc of eole's: works of fairseq's, each with its tokens a second for one of eole's."""


def converted(results: Sequence[Result]) -> list[Result]:
    """Return what fairseq would have reached in each round, in the settings that there are figures for."""
    found = []
    for result in results:
        malloc = result.labels.get("malloc", "default")
        if result.labels.get("tool") == REFERENCE:
            for work, ratio in FROM_REFERENCE.get((result.labels["work"], malloc), {}).items():
                found.append(_scaled(result.values("tokens_per_second"), ratio, work, malloc))
    return found


def _scaled(values: Sequence[float], ratio: float, work: str, malloc: str) -> Result:
    labels = {"work": work, "tool": FAIRSEQ, "malloc": malloc}
    return Result(labels, [{"tokens_per_second": ratio * value} for value in values])
