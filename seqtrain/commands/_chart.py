"""Curves in characters, for a terminal or a pipe: ASCII alone, no colours.

Libraries that draw in terminals tell curves apart by colours, which a pipe has not; the rest is these few lines.
"""

from collections.abc import Iterator, Sequence

MARKS = "*o+x#@%&"
"""What curves are drawn with."""
NARROWEST = 30
"""Columns without which there is no room for the numbers."""


def chart(curves: Sequence[Sequence[float]], width: int, height: int) -> list[str]:
    """Return the lines of a chart from 0 up to the highest value; where curves meet the first is seen.

    Args:
        curves: the value at each update, none below 0; at most as many as there are ``MARKS``.
        width: columns of the lines, with what stands at the axis.
        height: lines above the axis.
    """
    top, updates = max(map(max, curves)) or 1.0, max(map(len, curves))
    labels = {height - 1: f"{top:.3g}", (height - 1) // 2: f"{top * ((height - 1) // 2) / (height - 1):.3g}", 0: "0"}
    margin = max(map(len, labels.values()))
    cells = [[" "] * (max(width, NARROWEST) - margin - 2) for _ in range(height)]
    for curve, mark in reversed(list(zip(curves, MARKS, strict=False))):
        _draw(cells, list(_extremes(curve, updates, len(cells[0]))), top, mark)
    rows = [f"{labels.get(row, ''):>{margin}} |{''.join(cells[row])}".rstrip() for row in reversed(range(height))]
    axis = [f"+{'-' * len(cells[0])}", f" {_numbers(updates, len(cells[0]))}"]
    return [*rows, *(" " * (margin + 1) + line for line in axis)]


def _draw(cells: list[list[str]], extremes: Sequence[tuple[float, float]], top: float, mark: str) -> None:
    """Put a curve's marks into cells, row 0 at the bottom: in each column from its lowest to its highest value."""
    highest = len(cells) - 1
    for column, (low, high) in enumerate(extremes):
        for row in range(round(low / top * highest), round(high / top * highest) + 1):
            cells[row][column] = mark


def _extremes(curve: Sequence[float], updates: int, columns: int) -> Iterator[tuple[float, float]]:
    """Yield the lowest and highest value of each column's updates and the one after, so that curves have no gaps."""
    for column in range(columns):
        first, last = (updates * c // columns for c in (column, column + 1))
        if part := curve[first : max(last, first) + 1]:
            yield min(part), max(part)


def _numbers(updates: int, columns: int) -> str:
    """Return what stands below the axis: the first, the middle and the last update."""
    middle, last = f"{(updates + 1) // 2:,}", f"{updates:,} updates"
    left = f"1{' ' * max((columns - len(middle)) // 2 - 1, 1)}{middle}"
    return left + last.rjust(max(columns - len(left), len(last) + 1))
