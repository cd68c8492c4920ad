"""Tables in Markdown."""

from collections.abc import Sequence

from benchmarks._rounds import spread


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def cell(numbers: Sequence[float], form: str = ",.0f") -> str:
    """Return the median of numbers with the least and the most of them; nothing if there is none."""
    if not numbers:
        return ""
    median, least, most = (f"{value:{form}}" for value in spread(numbers).values())
    return median if len(numbers) == 1 else f"{median} ({least} to {most})"
