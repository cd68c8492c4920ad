"""What is said of training: a row for each work, setting of malloc and tool."""

from collections.abc import Sequence

from benchmarks._child import MALLOC
from benchmarks._published import converted
from benchmarks._rounds import Result
from benchmarks._tables import cell, markdown
from benchmarks._works import MATRICES, OURS, SOURCE_SHARE, WORKS

HEADINGS = (
    "work",
    "malloc",
    "tool",
    "target tokens/s",
    f"{OURS} is so many times as fast",
    "of the matrix products",
    "s an update",
    "tokens an update",
    "peak, MB",
)


def table(results: Sequence[Result]) -> str:
    """Return the table: medians over rounds, with the least and the most."""
    gflops = [value for result in results for value in result.values("gflops")]
    trained = [result for result in [*results, *converted(results)] if result.labels["work"] != MATRICES]
    ours = {setting(result): result for result in trained if result.labels["tool"] == OURS}
    compared = sorted((result for result in trained if setting(result) in ours), key=order)
    return markdown(HEADINGS, [row(result, ours[setting(result)], gflops) for result in compared])


def setting(result: Result) -> tuple[str, str]:
    """Return what is the same for tools that are compared."""
    return result.labels["work"], result.labels["malloc"]


def order(result: Result) -> tuple[int, int]:
    """Return where the rows of a setting stand."""
    work, malloc = setting(result)
    return list(WORKS).index(work), list(MALLOC).index(malloc)


def row(result: Result, ours: Result, gflops: Sequence[float]) -> list[str]:
    """Return the cells of a tool; what is a ratio is one of figures of the same round."""
    speeds = result.values("tokens_per_second")
    megaflop = WORKS[result.labels["work"]].sizes.megaflop(SOURCE_SHARE)
    ratios = [mine / its for mine, its in zip(ours.values("tokens_per_second"), speeds, strict=True)]
    shares = [1e-3 * megaflop * speed / rate for speed, rate in zip(speeds, gflops, strict=True)]
    return [
        *(result.labels[name] for name in ("work", "malloc", "tool")),
        cell(speeds),
        cell(ratios, ".2f") if result is not ours else "",
        cell(shares, ".0%"),
        cell(result.values("seconds_per_update"), ".3g"),
        cell(result.values("tokens_per_update")[:1]),
        cell([max(peaks)] if (peaks := result.values("peak_mb")) else []),
    ]
