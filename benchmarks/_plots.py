"""Bars with the least and the most of the rounds, and curves, as SVG files that are the same for the same figures."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from benchmarks._rounds import spread

SETTINGS: Any = {"svg.hashsalt": "seqtrain", "svg.fonttype": "none"}
COLOR, OTHERS = "#1f77b4", "#b0b7bf"
"""Of what is seqtrain's, and of what is others'."""


def bars(file: Path, title: str, unit: str, rows: Mapping[str, Sequence[float]]) -> None:
    """Draw the median of each row's numbers, the first row on top; rows named for seqtrain stand out."""
    names = list(rows)[::-1]
    spreads = [spread(rows[name]) for name in names]
    medians = [each["median"] for each in spreads]
    around = [[each["median"] - each["min"] for each in spreads], [each["max"] - each["median"] for each in spreads]]
    with plot(file, 0.8 + 0.4 * len(rows), title=title, xlabel=unit) as axes:
        axes.barh(names, medians, xerr=around, color=list(map(color, names)), ecolor="#444444", capsize=3)


def curves(file: Path, title: str, labels: tuple[str, str], lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Draw lines through points, with the labels of both axes; lines named for seqtrain stand out."""
    with plot(file, 4, title=title, xlabel=labels[0], ylabel=labels[1]) as axes:
        for name, points in lines.items():
            axes.plot(*zip(*points, strict=True), label=name, color=color(name))
        axes.legend()


@contextmanager
def plot(file: Path, height: float, **labels: str) -> Iterator[Any]:
    """Give the axes of a figure of so many inches, and write it to a file."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(8, height), layout="constrained")
        yield figure.add_subplot(**labels)
        figure.savefig(file, format="svg", metadata={"Date": None})


def color(name: str) -> str:
    """Return the color of what is named."""
    return COLOR if name.startswith("seqtrain") else OTHERS
