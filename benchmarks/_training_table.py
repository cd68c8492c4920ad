"""What is said of training: a row for each work, setting of malloc and tool."""

from collections.abc import Mapping, Sequence

from benchmarks._rounds import Result
from benchmarks._tables import cell, markdown
from benchmarks._works import MATRICES, OURS, SOURCE_SHARE, WORKS

HEADINGS = (
    "work",
    "malloc",
    "tool",
    "target tokens/s",
    f"{OURS} is faster by",
    "of the matrix products",
    "s an update",
    "tokens an update",
    "peak, MB",
)


def table(results: Sequence[Result]) -> str:
    """Return the table: medians over rounds, with the least and the most."""
    gflops = {number: value for result in results for number, value in enumerate(result.values("gflops"))}
    ours = {setting(result): result for result in results if result.labels.get("tool") == OURS}
    rows = [row(result, ours[setting(result)], gflops) for result in results if result.labels["work"] != MATRICES]
    return markdown(HEADINGS, rows)


def setting(result: Result) -> tuple[str, str]:
    """Return what is the same for tools that are compared."""
    return result.labels["work"], result.labels.get("malloc", "")


def row(result: Result, ours: Result, gflops: Mapping[int, float]) -> list[str]:
    """Return the cells of a tool; what is a ratio is one of figures of the same round."""
    speeds = result.values("tokens_per_second")
    megaflop = WORKS[result.labels["work"]].sizes.megaflop(SOURCE_SHARE)
    ratios = [mine / its for mine, its in zip(ours.values("tokens_per_second"), speeds, strict=False)]
    shares = [1e-3 * megaflop * speed / gflops[number] for number, speed in enumerate(speeds)]
    return [
        *(result.labels[name] for name in ("work", "malloc", "tool")),
        cell(speeds),
        cell(ratios, ".2f") if result is not ours else "",
        cell(shares, ".0%"),
        cell(result.values("seconds_per_update"), ".3g"),
        cell([result.median("tokens_per_update")]),
        cell([max(result.values("peak_mb"))]),
    ]
