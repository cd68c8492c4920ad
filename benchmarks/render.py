"""Writes tables and plots of ``docs/benchmarks.md`` and ``docs/results.md`` anew, from JSON files beside them alone.

    python -m benchmarks.render

A table stands between ``<!-- NAME -->`` and ``<!-- end -->``; NAME is that of a file of results, or ``memory``. What a
name begins with (``decoding`` of ``decoding-peers``) says what was measured.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _decoding_table, _quality_table, _startup_table, _training_table
from benchmarks._machine import ROOT
from benchmarks._plots import bars, curves
from benchmarks._published import converted
from benchmarks._rounds import Result, read_results
from benchmarks._tables import cell, markdown
from benchmarks._works import MATRICES

PAGE, RESULTS = ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks"
QUALITY_PAGE, RUNS = ROOT / "docs/results.md", ROOT / "docs/results"
BLOCK = re.compile(r"(<!-- (?!end)([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
TABLES: dict[str, Callable[[Sequence[Result]], str]] = {
    "training": _training_table.table,
    "decoding": _decoding_table.table,
    "startup": _startup_table.tables,
}
"""What is made of a file of results, by the beginning of its name."""
PLOTTED = {
    "training": ("tokens_per_second", "target tokens/s"),
    "decoding": ("sentences_per_second", "sentences/s"),
    "startup": ("seconds", "seconds"),
}
"""The figure that a plot shows, by the beginning of the results' name, and its unit."""


def page(text: str, directory: Path, made: Callable[[str, Path], str]) -> str:
    """Return a page with what stands at each name made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{made(found[2], directory)}\n\n{found[3]}", text)


def block(name: str, directory: Path) -> str:
    """Return what stands at a name of ``docs/benchmarks.md``; without results it says so."""
    if name == "memory":
        return memory(directory)
    if name == "data":
        return data(directory / "data.jsonl")
    file = directory / f"{name}.json"
    if not file.is_file():
        return "Not measured yet."
    about, results = read_results(file)
    drawn = "\n".join(f"![{title}](benchmarks/{image})" for image, title, _ in plots(name, results))
    return f"{described(about)}\n\n{TABLES[kind(name)](results)}\n\n{drawn}"


def kind(name: str) -> str:
    """Return what a file of results was measured of, by its name."""
    return name.partition("-")[0]


def described(about: dict[str, Any]) -> str:
    """Return on what something was measured, as a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Measured {about['date']} at {about['commit']} on {about['cpu']}, {about['memory_gb']} GB, "
        f"{about['threads']} threads, Python {about['python']}, {versions}; load before: {about['load']:.1f}."
    )


def plots(name: str, results: Sequence[Result]) -> Iterator[tuple[str, str, dict[str, list[float]]]]:
    """Yield the file name, the title and the rows of each plot: one for each work."""
    figure, unit = PLOTTED[kind(name)]
    shown = [*results, *converted(results)]
    works = dict.fromkeys(result.labels.get("work", "") for result in shown)
    for work in works:
        if work != MATRICES:
            chosen = [result for result in shown if result.labels.get("work", "") == work]
            rows = {row_name(result): result.values(figure) for result in chosen}
            yield f"{'-'.join(filter(None, (name, work)))}.svg", f"{work or name}: {unit}", rows


def row_name(result: Result) -> str:
    """Return what a bar is called: the tool, and malloc where it is not the default."""
    labels = result.labels
    name = labels.get("tool") or labels["program"]
    return name if labels.get("malloc", "default") == "default" else f"{name}, {labels['malloc']} malloc"


def memory(directory: Path) -> str:
    """Return a table of the highest peak of each tool in each work of training, and in each table of decoding."""
    peaks: dict[tuple[str, str], list[float]] = {}
    for file in (*directory.glob("training*.json"), *directory.glob("decoding*.json")):
        for result in read_results(file)[1]:
            if found := result.values("peak_mb"):
                work = result.labels.get("work", file.stem.replace("-", " "))
                peaks.setdefault((work, row_name(result)), []).extend(found)
    rows = [[*names, cell([max(values)])] for names, values in sorted(peaks.items())]
    return markdown(["work", "tool", "peak, MB"], rows) if rows else "Not measured yet."


def run(name: str, directory: Path) -> str:
    """Return what stands at a name of ``docs/results.md``: what was measured of a run."""
    found = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    tables = _quality_table.tables(found["scores"], found["curve"])
    return f"{described(found['about'])}\n\n{tables}\n\n![{name}: valid loss]({directory.name}/{name}.svg)"


def data(file: Path) -> str:
    """Return a table of what ``benchmarks.data`` printed."""
    if not file.is_file():
        return "Not measured yet."
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return markdown(["what", "value", "unit"], [[x["name"], f"{x['value']:,.4g}", x["unit"]] for x in lines])


def draw(directory: Path, runs: Path) -> None:
    """Make all plots anew: of benchmarks, and of runs."""
    for file in directory.glob("*.json"):
        for image, title, rows in plots(file.stem, read_results(file)[1]):
            bars(directory / image, title, title.rpartition(": ")[2], rows)
    for file in runs.glob("*.json"):
        lines = _quality_table.lines(json.loads(file.read_text(encoding="utf-8"))["curve"])
        curves(file.with_suffix(".svg"), f"{file.stem}: valid loss", ("epoch", "nats a token"), lines)


def main() -> None:
    """Write the pages and the plots."""
    for file, directory, made in ((PAGE, RESULTS, block), (QUALITY_PAGE, RUNS, run)):
        file.write_text(page(file.read_text(encoding="utf-8"), directory, made), encoding="utf-8")
    draw(RESULTS, RUNS)


if __name__ == "__main__":
    main()
