"""What is said of decoding: a row for each tool."""

from collections.abc import Sequence

from benchmarks._rounds import Result
from benchmarks._tables import cell, markdown

COLUMNS = {
    "sentences_per_second": ("sentences/s", ".1f"),
    "tokens_per_second": ("tokens/s", ",.0f"),
    "relative_speed": ("of seqtrain's speed", ".2f"),
    "p50_ms": ("one at a time: p50, ms", ".0f"),
    "p95_ms": ("p95, ms", ".0f"),
    "process_seconds": ("whole process, s", ".1f"),
    "peak_mb": ("its peak, MB", ".0f"),
    "bleu": ("BLEU", ".2f"),
    "identical_outputs": ("outputs as seqtrain's", ".0f"),
}
ONCE = {"identical_outputs"}
"""Figures that are the same in each round."""


def table(results: Sequence[Result]) -> str:
    """Return the table: medians over rounds, with the least and the most."""
    rows = [[result.labels["tool"], *(_cell(result, name) for name in COLUMNS)] for result in results]
    return markdown(["tool", *(heading for heading, _ in COLUMNS.values())], rows)


def _cell(result: Result, name: str) -> str:
    values = result.values(name)
    return cell(values[:1] if name in ONCE else values, COLUMNS[name][1])
