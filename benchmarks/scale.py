"""A plan for more sentence pairs than fit on one machine, by simulation: what each process holds, reads and computes.

``python -m benchmarks.scale --pairs 10000000000 --ranks 1024``

Lengths are computed from numbers of pairs, so that no corpus is needed: a run of consecutive pairs has the lengths of
one of 64 tables, and tables differ, as parts of a corpus do. All else is what training does.
"""

import argparse
import json
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.data import SPEC, Figure, simulated_lengths
from seqtrain.base import PlanSpec
from seqtrain.data.plan import longest_sides
from seqtrain.data.windows import RUNS, WindowedPlan, Windows, batches_of_windows

Ints = npt.NDArray[np.int64]

TABLES = 64
BYTES_OF_ID, BYTES_OF_OFFSET = 2, 8


class Corpus:
    """Pairs whose lengths are computed; counts what is asked for.

    Args:
        windows: which pairs stand together.
    """

    def __init__(self, windows: Windows) -> None:
        lengths = simulated_lengths(TABLES * windows.run).reshape(TABLES, windows.run, 2)
        scale = np.linspace(0.9, 1.1, TABLES)[:, None, None]
        self.windows, self.tables = windows, np.maximum(lengths * scale, 1).astype(np.int32)
        self.windows_read = self.pairs_read = self.tokens_read = 0

    def measure(self, positions: Ints) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Return all of some pairs, with their lengths."""
        runs, places = np.divmod(positions, self.windows.run)
        lengths = self.tables[_table_of(runs), places]
        self.windows_read += 1
        self.pairs_read += len(positions)
        self.tokens_read += int(lengths.sum())
        return positions, lengths

    def count_lengths(self) -> Ints:
        """Return how many pairs of each window have a longest side of so many tokens, (windows, longest + 1)."""
        longest = [longest_sides(table) for table in self.tables]
        of_tables = np.stack([np.bincount(sides, minlength=int(max(map(np.max, longest))) + 1) for sides in longest])
        firsts = (self.windows[number][:: self.windows.run] for number in range(len(self.windows)))
        return np.stack([of_tables[_table_of(first // self.windows.run)].sum(axis=0) for first in firsts])


def _table_of(runs: Ints) -> Ints:
    return runs * 2654435761 % 4294967291 % TABLES


def simulate(pairs: int, ranks: int, window: int, rank: int) -> Iterator[Figure]:
    """Plan an epoch as one process of many does, batch by batch; a number of pairs that is one of whole runs."""
    windows = Windows(pairs, window)
    corpus = Corpus(windows)
    spec, counts = PlanSpec(max_tokens=SPEC.max_tokens, lanes=ranks), corpus.count_lengths()
    start = time.process_time()
    sizes = batches_of_windows(counts, spec)
    counting, start = time.process_time() - start, time.process_time()
    plan = WindowedPlan(windows, corpus, sizes, spec, 1)
    mine = range(rank, len(plan), ranks)
    seen = sum(len(plan[index]) for index in mine)
    planning = time.process_time() - start
    peak = _peak(WindowedPlan(windows, Corpus(windows), sizes, spec, 2), mine[: 2 * len(mine) * ranks // len(windows)])
    yield Figure("windows", len(windows), f"of {RUNS} runs of {windows.run} pairs")
    yield Figure("updates an epoch", -(-len(plan) // ranks), f"of {ranks} micro-batches")
    yield Figure("held by all: counts of lengths", counts.nbytes / 1e6, "MB")
    yield Figure("held at most, besides", peak / 1e6, "MB")
    yield Figure("pairs seen by the process", seen, "pairs")
    yield Figure("windows read by it", corpus.windows_read, "windows")
    yield Figure("offsets read by it", 2 * BYTES_OF_OFFSET * corpus.pairs_read / 1e6, "MB")
    yield Figure("ids in its windows", BYTES_OF_ID * corpus.tokens_read / 1e6, "MB")
    yield Figure("counting the batches of all windows, CPU time, once", counting, "s")
    yield Figure("planning, CPU time of an epoch", planning, "s")


def _peak(plan: WindowedPlan, indexes: range) -> int:
    """Return the most bytes that it takes to look up batches."""
    tracemalloc.start()
    assert all(len(plan[index]) for index in indexes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    """Print each figure as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10_000_000_000, help="sentence pairs (default: %(default)s)")
    parser.add_argument("--ranks", type=int, default=1024, help="processes (default: %(default)s)")
    parser.add_argument("--window", type=int, default=1 << 20, help="dataset.shuffle_window (default: %(default)s)")
    parser.add_argument("--rank", type=int, default=0, help="the process to follow (default: %(default)s)")
    options = parser.parse_args()
    windows = Windows(options.pairs, options.window)
    for figure in simulate(options.pairs // windows.run * windows.run, options.ranks, options.window, options.rank):
        print(json.dumps(figure._asdict()), flush=True)


if __name__ == "__main__":
    main()
