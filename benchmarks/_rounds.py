"""Contestants in turns (A B A B ...), so that what else the machine does meets all of them; files of results."""

import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Figures = dict[str, float]


@dataclass(frozen=True)
class Contestant:
    """Something that is measured."""

    labels: Mapping[str, str]
    """What sets it apart from the others, such as ``{"work": "tiny", "tool": "seqtrain"}``."""
    run: Callable[[Path], Figures]
    """Does the work once, in a new directory, and returns what was measured by name."""

    def __str__(self) -> str:
        return ", ".join(self.labels.values())


@dataclass
class Result:
    """What was measured of a contestant."""

    labels: dict[str, str]
    """What sets it apart from the others."""
    rounds: list[Figures] = field(default_factory=list)
    """The figures of each round."""

    def median(self, name: str) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(self.values(name))

    def values(self, name: str) -> list[float]:
        """Return a figure in each round that has it."""
        return [figures[name] for figures in self.rounds if name in figures]


def in_turns(contestants: Sequence[Contestant], rounds: int) -> list[Result]:
    """Let each contestant run once in each round, and print what it did."""
    results = [Result(dict(contestant.labels)) for contestant in contestants]
    for number in range(1, rounds + 1):
        for contestant, result in zip(contestants, results, strict=True):
            with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
                figures = contestant.run(Path(directory))
            result.rounds.append(figures)
            shown = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items())
            print(f"round {number}, {contestant}: {shown}", flush=True)
    return results


def spread(numbers: Sequence[float]) -> dict[str, float]:
    """Return the median, the least and the most."""
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}


def write_results(file: Path, about: Mapping[str, Any], results: Sequence[Result]) -> None:
    """Write what was measured, and on what, as JSON."""
    measured = [{"labels": result.labels, "rounds": result.rounds} for result in results]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"about": about, "results": measured}, indent=1) + "\n", encoding="utf-8")


def read_results(file: Path) -> tuple[dict[str, Any], list[Result]]:
    """Return what :func:`write_results` wrote."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return content["about"], [Result(**result) for result in content["results"]]
