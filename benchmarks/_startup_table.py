"""What is said of start-up: how long each program takes, and where the time up to a first update goes."""

from collections.abc import Sequence

from benchmarks._rounds import Result
from benchmarks._tables import cell, markdown

WHOLE = ("seconds", "cpu_seconds", "peak_mb")
"""Figures of a whole program; the others are the seconds of its phases."""


def tables(results: Sequence[Result]) -> str:
    """Return both tables, one after the other."""
    return f"{programs(results)}\n\n{phases(results)}"


def programs(results: Sequence[Result]) -> str:
    """Return a table with a row for each program."""
    rows = [
        [result.labels["program"], cell(result.values("seconds"), ".2f"), cell([max(result.values("peak_mb"))])]
        for result in results
    ]
    return markdown(["program", "seconds", "peak, MB"], rows)


def phases(results: Sequence[Result]) -> str:
    """Return a table with a row for each phase of the programs that have some: medians, and their share."""
    parted = [result for result in results if set(result.rounds[0]) - set(WHOLE)]
    names = [name for name in (parted[0].rounds[0] if parted else {}) if name not in WHOLE]
    headings = [heading for result in parted for heading in (f"{result.labels['program']}: s", "share")]
    rows = [[name, *(text for result in parted for text in _phase(result, name))] for name in names]
    return markdown(["phase", *headings], rows)


def _phase(result: Result, name: str) -> tuple[str, str]:
    seconds = result.median(name)
    return f"{seconds:.2f}", f"{seconds / result.median('seconds'):.0%}"
