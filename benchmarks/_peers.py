"""Other toolkits that train the same model: each in an environment of its own, which ``make`` installs."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks._child import environment, run_child
from benchmarks._machine import ROOT
from benchmarks._rounds import Figures

REPORT = re.compile(r"Step +(\d+)/.*bsz: +\d+/ *(\d+)/.*; +\d+/ *(\d+) tok/s")
"""What eole's log says: updates, target tokens of an update, target tokens a second."""


def of_last_line(output: str) -> Figures:
    """Return the figures that the last line of an output is."""
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures


def of_reports(output: str) -> Figures:
    """Return what eole's log says of the updates behind the first report, which is the warm-up."""
    reports = [tuple(map(int, found)) for found in REPORT.findall(output)]
    interval = reports[0][0]
    tokens = sum(each * interval for _, each, _ in reports[1:])
    seconds = sum(each * interval / rate for _, each, rate in reports[1:])
    updates = interval * (len(reports) - 1)
    return {
        "tokens_per_second": tokens / seconds,
        "seconds_per_update": seconds / updates,
        "tokens_per_update": tokens / updates,
    }


def of_intervals(output: str) -> Figures:
    """Return the speed of all intervals but the first, each a line of updates, tokens and seconds in JSON."""
    _, *intervals = [json.loads(line) for line in output.splitlines() if line.startswith('{"updates"')]
    updates, tokens, seconds = (sum(each[name] for each in intervals) for name in ("updates", "tokens", "seconds"))
    return {
        "tokens_per_second": tokens / seconds,
        "seconds_per_update": seconds / updates,
        "tokens_per_update": tokens / updates,
    }


@dataclass(frozen=True)
class Round:
    """What one round of training is."""

    updates: int
    """All of them."""
    warmup: int
    """Those that are not counted."""
    threads: int
    malloc: str
    """One of ``MALLOC``."""


@dataclass(frozen=True)
class Peer:
    """A toolkit."""

    name: str
    """Its name and version, as tables show it."""
    environment: str
    """Name of its environment's directory."""
    module: str
    """The module beside this one that trains with it; what it prints tells the speed."""
    figures: Callable[[str], Figures]
    """Reads what it prints."""
    works: tuple[str, ...] = ("tiny", "base")
    """What it is told to train."""

    def train(self, environments: Path, batches: Path, run: Round, directory: Path) -> Figures:
        """Train once; return what it says of the updates behind the warm-up, and the peak of its memory."""
        python = environments.absolute() / self.environment / "bin/python"
        counts = map(str, (run.updates, run.warmup, run.threads))
        command = [str(python), "-m", f"benchmarks.{self.module}", str(batches), str(directory), *counts]
        offline = environment(run.threads, run.malloc, PYTHONPATH=str(ROOT), HF_HUB_OFFLINE="1")
        child = run_child(command, directory, offline)
        return {**self.figures(child.output), "peak_mb": child.peak_mb, "process_seconds": child.seconds}


PEERS = (
    Peer("Hugging Face 5.23", "hugging_face", "_peer_hugging_face", of_last_line),
    Peer("eole 0.6.4", "eole", "_peer_eole", of_reports),
    Peer("JoeyNMT 2.3.0", "joeynmt", "_peer_joeynmt", of_intervals, ("tiny",)),
)
