"""How long it takes from a command to what it is for: an import, an answer, the first update of a training run.

    python -m benchmarks.startup --rounds 7 --json FILE

Each is a process of its own, timed from its start; they run in turns. The first update is that of the embedded job,
``python -m seqtrain``, with an empty cache and with one that holds its data; the phases up to it are told apart.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks._child import Finished, environment, run_child
from benchmarks._machine import ROOT, about
from benchmarks._rounds import Contestant, Figures, in_turns, write_results
from benchmarks._startup_table import tables

ANSWERS = {
    "Python itself": ("-c", "pass"),
    "import seqtrain": ("-c", "import seqtrain"),
    "--help": ("-m", "seqtrain", "--help"),
    "a mistake in the config": ("-m", "seqtrain", "model.dropout=7"),
    "import torch, for comparison": ("-c", "import torch"),
}
"""Command lines of Python."""


def run_python(words: Sequence[str], directory: Path, exit_code: int = 0) -> Finished:
    """Run Python, with its cache of compiled modules as users have it."""
    kept = {name: value for name, value in environment(os.cpu_count() or 1).items() if "DONTWRITE" not in name}
    return run_child([sys.executable, *words], directory, kept | {"PYTHONPATH": str(ROOT)}, exit_code)


def answer(words: Sequence[str], directory: Path) -> Figures:
    """Return how long a program took."""
    child = run_python(words, directory, 2 if "model.dropout=7" in words else 0)
    return {"seconds": child.seconds, "cpu_seconds": child.cpu_seconds, "peak_mb": child.peak_mb}


def first_update(cache: Path | None, directory: Path) -> Figures:
    """Return the seconds of the phases up to the first update; an empty cache if none is given."""
    options = [f"dataset.cache_dir={cache or directory / 'cache'}", f"hydra.run.dir={directory / 'run'}"]
    child = run_python(["-m", "benchmarks._phases", *options, "training.device=cpu"], directory)
    phases: Figures = json.loads(child.output.splitlines()[-1])
    return {"seconds": sum(phases.values()), **phases, "peak_mb": child.peak_mb}


def contestants(cache: Path) -> list[Contestant]:
    """Return what is measured; the cache is there for what is to find one."""
    answers = [Contestant({"program": name}, partial(answer, words)) for name, words in ANSWERS.items()]
    return [
        *answers,
        Contestant({"program": "first update, empty cache"}, partial(first_update, None)),
        Contestant({"program": "first update, filled cache"}, partial(first_update, cache)),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print tables, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    described = about(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as directory:
        cache = Path(directory, "cache")
        in_turns(contestants(cache), 1)  # to warm up: modules are compiled, and the cache is filled
        results = in_turns(contestants(cache), options.rounds)
    print(tables(results))
    if options.json:
        write_results(options.json, described, results)


if __name__ == "__main__":
    main()
