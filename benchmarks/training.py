"""Target tokens per second of training, as ``python -m seqtrain`` itself reports them.

    python -m benchmarks.training --data DIR --works tiny base lm --malloc default retaining --rounds 3 --json FILE
    python -m benchmarks.training --data DIR --checkout before=DIR --overrides 'compiled=training.compile=true'

DIR has Multi30k's text, tokenised and lower-cased: train.en, train.de, plain or .gz. The data is prepared once. Each
round of each contestant is a process of its own; they run in turns. The speed is that of the updates behind a warm-up,
without validation and saving: target tokens with ends of sentences, without padding, per second of the wall clock.
``--checkout`` adds the program of another checkout, ``--overrides`` the same program with further overrides,
``--peers`` other toolkits with the same model and batches (eole makes its own, of as many tokens). Each round also
times the product of two matrices of 1,024 x 1,024: what the processor can do in that minute.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks._child import MALLOC, environment, run_child
from benchmarks._machine import ROOT, about, commit
from benchmarks._peers import PEERS, Peer, Round
from benchmarks._rounds import Contestant, Figures, in_turns, write_results
from benchmarks._training_table import table
from benchmarks._works import MATRICES, OURS, WORKS, Work
from seqtrain.composition import quote

SPEED = "train/tokens_per_second"
ALONE = (
    "validation.interval_epochs=0",
    "validation.generate=false",
    "validation.max_batches=1",
    "validation.final_split=''",
    "saving.interval_epochs=0",
    "saving.metric=valid/loss",
    "saving.maximize=false",
)
"""Nothing but training, as far as may be: a run ends with a validation and a checkpoint."""


@dataclass(frozen=True)
class Program:
    """A program of seqtrain's: a checkout, and what it is told besides the work."""

    checkout: Path = ROOT
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """What holds for all contestants."""

    data: Path
    cache: Path
    """Where prepared data is kept."""
    threads: int = 2
    more: tuple[str, ...] = field(default=())
    """Overrides of all works: smaller sizes, for instance."""

    def words(self, work: Work) -> list[str]:
        """Return what a command line says of the work."""
        data, cache = quote(str(self.data.resolve())), quote(str(self.cache.resolve()))
        return [*work.overrides, f"task.data={data}", "task.test=[]", f"dataset.cache_dir={cache}", *self.more]


def prepare(bench: Bench, program: Program, work: Work) -> None:
    """Let the work's data be prepared, if it is not yet."""
    command = [sys.executable, "-m", "seqtrain", "prepare", *bench.words(work), *program.overrides]
    with tempfile.TemporaryDirectory() as directory:
        run_child(command, Path(directory), environment(bench.threads, PYTHONPATH=str(program.checkout)))


def train(bench: Bench, program: Program, work: Work, malloc: str, directory: Path) -> Figures:
    """Train once; return what the run's metrics say of the updates behind the warm-up, and the peak of its memory."""
    run = directory / "run"
    command = [
        *(sys.executable, "-m", "seqtrain", *bench.words(work), *program.overrides, f"hydra.run.dir={run}"),
        *("training.device=cpu", f"training.num_threads={bench.threads}"),
        *(f"training.max_update={work.updates}", f"training.log_interval={work.warmup}"),
        *ALONE,
    ]
    child = run_child(command, directory, environment(bench.threads, malloc, PYTHONPATH=str(program.checkout)))
    return {**speed(run / "metrics.jsonl"), "peak_mb": child.peak_mb, "process_seconds": child.seconds}


def speed(metrics: Path) -> Figures:
    """Return the speed over all intervals of a run's metrics but the first, which is the warm-up, and the last loss."""
    lines = map(json.loads, metrics.read_text(encoding="utf-8").splitlines())
    first, *reports = [line for line in lines if SPEED in line]
    before, tokens = first["seconds"], 0.0
    for report in reports:
        tokens += report[SPEED] * (report["seconds"] - before)
        before = report["seconds"]
    seconds, updates = before - first["seconds"], reports[-1]["num_updates"] - first["num_updates"]
    return {
        "tokens_per_second": tokens / seconds,
        "seconds_per_update": seconds / updates,
        "tokens_per_update": tokens / updates,
        "loss": reports[-1]["train/loss"],
    }


def matrix_products(threads: int, directory: Path) -> Figures:
    """Return the rate of plain matrix products."""
    command = [sys.executable, "-m", "benchmarks._matmul", str(threads)]
    return {"gflops": float(run_child(command, directory, environment(threads, PYTHONPATH=str(ROOT))).output)}


def programs(options: argparse.Namespace) -> dict[str, Program]:
    """Return the programs of seqtrain's that the command line names, this one first."""
    named = {name: Program(Path(place).resolve()) for name, place in _pairs(options.checkout)}
    told = {name: Program(overrides=tuple(words.split())) for name, words in _pairs(options.overrides)}
    return {OURS: Program(), **named, **told}


def _pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the two sides of each ``NAME=TEXT``."""
    return [(name, text) for name, _, text in (each.partition("=") for each in texts)]


def contestants(options: argparse.Namespace, bench: Bench, batches: Path) -> list[Contestant]:
    """Return the matrix products, and each work and setting of malloc with each program and each peer."""
    found = [Contestant({"work": MATRICES}, partial(matrix_products, bench.threads))]
    for name, malloc in product(options.works, options.malloc):
        work = WORKS[name]
        runs = {tool: partial(train, bench, program, work, malloc) for tool, program in programs(options).items()}
        for peer in peers(options, name):
            times = Round(work.updates, work.warmup, bench.threads, malloc)
            runs[peer.name] = partial(peer.train, options.peers, batches / name, times)
        found += [Contestant({"work": name, "tool": tool, "malloc": malloc}, run) for tool, run in runs.items()]
    return found


def peers(options: argparse.Namespace, work: str) -> list[Peer]:
    """Return the other toolkits that train a work."""
    return [peer for peer in PEERS if options.peers and work in peer.works]


def export(bench: Bench, work: Work, directory: Path) -> None:
    """Write the work's batches for the peers."""
    directory.mkdir()
    command = [sys.executable, "-m", "benchmarks._export_batches", str(directory), *bench.words(work)]
    run_child(command, directory, environment(bench.threads, PYTHONPATH=str(ROOT)))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of the text")
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--malloc", nargs="+", choices=MALLOC, default=list(MALLOC), help="settings of malloc")
    parser.add_argument("--checkout", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--overrides", action="append", default=[], metavar="NAME=WORDS")
    parser.add_argument("--peers", type=Path, help="directory of the other toolkits' environments")
    parser.add_argument("--more", nargs="+", default=[], metavar="WORD", help="overrides of all works and programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=ROOT / "build/benchmarks/cache", help="for prepared data")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare, measure, print a table, and write JSON if asked to."""
    options = parse(arguments)
    bench = Bench(options.data, options.cache, options.threads, tuple(options.more))
    named = {name: [commit(program.checkout), *program.overrides] for name, program in programs(options).items()}
    described = {**about(options.threads), "malloc": MALLOC, "programs": named, "overrides": options.more}
    with tempfile.TemporaryDirectory() as directory:
        for name in options.works:
            for program in programs(options).values():
                prepare(bench, program, WORKS[name])
            if peers(options, name):
                export(bench, WORKS[name], Path(directory) / name)
        results = in_turns(contestants(options, bench, Path(directory)), options.rounds)
    print(table(results))
    if options.json:
        write_results(options.json, described, results)


if __name__ == "__main__":
    main()
