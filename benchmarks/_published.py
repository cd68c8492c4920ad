"""fairseq 0.12.2, which no Python from 3.11 on can import: what it would reach here, from figures measured before.

These were measured on one machine in one day: two cores (AMD EPYC, AVX2), two threads, torch 2.13. A ratio of two of
them is carried over to what is measured now.
"""

from collections.abc import Sequence

from benchmarks._rounds import Result
from benchmarks._works import MATRICES

FAIRSEQ = "fairseq 0.12.2 (converted)"
REFERENCE = "eole 0.6.4"
TO_REFERENCE = {("tiny", "default"): 3490 / 3235, ("tiny", "retaining"): 4909 / 4094, ("base", "default"): 431 / 429}
"""Tokens a second of fairseq for one of eole's, by work and malloc."""
LM_TOKENS, GFLOPS = 891, 180
"""Tokens a second of fairseq for lm, and what products of matrices reached then; no other toolkit was measured."""


def converted(results: Sequence[Result]) -> list[Result]:
    """Return what fairseq would have reached in each round, in the settings that there are figures for."""
    found = []
    for result in results:
        work, malloc = result.labels.get("work", ""), result.labels.get("malloc", "default")
        ratio = TO_REFERENCE.get((work, malloc))
        if result.labels.get("tool") == REFERENCE and ratio:
            found.append(_scaled(result.values("tokens_per_second"), ratio, work, malloc))
        elif work == MATRICES and any(other.labels.get("work") == "lm" for other in results):
            found.append(_scaled(result.values("gflops"), LM_TOKENS / GFLOPS, "lm", malloc))
    return found


def _scaled(values: Sequence[float], ratio: float, work: str, malloc: str) -> Result:
    labels = {"work": work, "tool": FAIRSEQ, "malloc": malloc}
    return Result(labels, [{"tokens_per_second": ratio * value} for value in values])
