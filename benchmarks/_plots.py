"""Bars with the least and the most of the rounds, and curves, as SVG files that are the same for the same figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from benchmarks._rounds import spread

SETTINGS: Any = {"svg.hashsalt": "seqtrain", "svg.fonttype": "none"}
COLOR, OTHERS = "#1f77b4", "#b0b7bf"
"""Of seqtrain's bars, and of others'."""


def bars(file: Path, title: str, unit: str, rows: Mapping[str, Sequence[float]]) -> None:
    """Draw the median of each row's numbers, the first row on top; rows named for seqtrain stand out."""
    names = list(rows)[::-1]
    spreads = [spread(rows[name]) for name in names]
    medians = [each["median"] for each in spreads]
    around = [[each["median"] - each["min"] for each in spreads], [each["max"] - each["median"] for each in spreads]]
    colors = [COLOR if name.startswith("seqtrain") else OTHERS for name in names]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(8, 0.8 + 0.4 * len(rows)), layout="constrained")
        axes = figure.add_subplot(title=title, xlabel=unit)
        axes.barh(names, medians, xerr=around, color=colors, ecolor="#444444", capsize=3)
        figure.savefig(file, format="svg", metadata={"Date": None})


def curves(file: Path, title: str, labels: tuple[str, str], lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Draw lines through points, with the labels of both axes; lines named for seqtrain stand out."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(8, 4), layout="constrained")
        axes = figure.add_subplot(title=title, xlabel=labels[0], ylabel=labels[1])
        for name, points in lines.items():
            axes.plot(*zip(*points, strict=True), label=name, color=COLOR if name.startswith("seqtrain") else OTHERS)
        axes.legend()
        figure.savefig(file, format="svg", metadata={"Date": None})
