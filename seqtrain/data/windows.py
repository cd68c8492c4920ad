"""A batch plan for a corpus of any size: the memory it takes does not grow with the number of sentences.

Runs of consecutive sentences are dealt out into windows, by chance and the same in every epoch: each window is a
sample of the whole corpus. An epoch takes the windows in an order of its own, and the batches of a window are planned
as :mod:`seqtrain.data.plan` plans those of an epoch, by length and shuffled, when the first of them is asked for.

How many batches a window has follows from how many of its sentences have which length. These counts are taken once,
so that any batch of an epoch is found without planning those before it.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seqtrain.base import PlanSpec
from seqtrain.data.mixture import permuted
from seqtrain.data.plan import BatchPlan, count_batches, longest_sides, plan_batches
from seqtrain.data.seeds import derive_seed

Ints = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.integer]

RUNS = 256
"""Runs of consecutive sentences in a window: so many places of the corpus, each read in one go."""


class Measurable(Protocol):
    """Sentences whose lengths are looked up when they are needed."""

    def measure(self, positions: Ints) -> tuple[Ints, Lengths]:
        """Return which of sentences (n,) are seen, (m,), and their lengths, (m,) or (m, sides)."""
        ...


@dataclass(frozen=True)
class Windows:
    """Which sentences stand in which window."""

    num_sentences: int
    """Sentences of the corpus."""
    size: int
    """Sentences of a window, about."""

    @property
    def run(self) -> int:
        """Consecutive sentences."""
        return max(1, self.size // RUNS)

    @property
    def num_runs(self) -> int:
        """Runs of the corpus; the last one may be shorter."""
        return (self.num_sentences + self.run - 1) // self.run

    @property
    def runs_of_window(self) -> int:
        """Runs of a window; the last one may have fewer."""
        return self.size // self.run

    def __len__(self) -> int:
        return (self.num_runs + self.runs_of_window - 1) // self.runs_of_window

    def __getitem__(self, number: int, /) -> Ints:
        """Return the sentences of a window, in order, (n,)."""
        first = number * self.runs_of_window
        end = min(first + self.runs_of_window, self.num_runs)
        runs = np.sort(permuted(self.num_runs, first, end, derive_seed("windows")))
        sentences = (runs[:, None] * self.run + np.arange(self.run)).ravel()
        return sentences[: np.searchsorted(sentences, self.num_sentences)]


def count_lengths(windows: Windows, data: Measurable) -> Ints:
    """Return how many sentences of each window have a longest side of 0, 1, 2, ... tokens, (windows, longest + 1)."""
    rows = [np.bincount(longest_sides(data.measure(windows[number])[1])) for number in range(len(windows))]
    counts = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=np.int64)
    for number, row in enumerate(rows):
        counts[number, : len(row)] = row
    return counts


def batches_of_windows(counts: Ints, spec: PlanSpec) -> Ints:
    """Return how many batches each window has, (windows,), given the counts of :func:`count_lengths`."""
    return np.array([count_batches(row, spec) for row in counts], dtype=np.int64)


class WindowedPlan:
    """The batches of an epoch, taken in turns from lanes, each of which goes through windows of its own.

    With as many lanes as an update has micro-batches, an update is made of batches from so many windows, and a process
    reads hardly any window but those of its own lanes. Lanes that have fewer batches than others get some of theirs at
    the end.

    Args:
        windows: which sentences stand together.
        data: their lengths.
        sizes: how many batches each has, (windows,).
        spec: limits, seed and number of lanes.
        epoch: counts from 1.
    """

    def __init__(self, windows: Windows, data: Measurable, sizes: Ints, spec: PlanSpec, epoch: int) -> None:
        self._windows, self._data, self._spec, self._epoch = windows, data, spec, epoch
        random = np.random.Philox(np.random.SeedSequence([spec.seed, epoch]))
        order = np.argsort(random.random_raw(len(windows)), kind="stable")
        num_lanes = max(1, min(spec.lanes, len(windows)))
        self._lanes = [order[lane::num_lanes] for lane in range(num_lanes)]
        self._ends = [np.cumsum(sizes[lane]) for lane in self._lanes]
        totals = np.array([sizes[lane].sum() for lane in self._lanes])
        self._size = int(totals.sum())
        self._share = self._size // num_lanes
        self._own = np.minimum(totals, self._share)
        self._missing_ends, self._spare_ends = np.cumsum(self._share - self._own), np.cumsum(totals - self._own)
        self._open: dict[int, tuple[int, Ints, BatchPlan]] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int, /) -> Ints:
        """Return the sentences of a batch, (B,)."""
        lane, place = self._find(index)
        slot = int(np.searchsorted(self._ends[lane], place, side="right"))
        sentences, plan = self._plan(lane, int(self._lanes[lane][slot]))
        return sentences[plan[place - int(self._ends[lane][slot]) + len(plan)]]

    def _find(self, index: int) -> tuple[int, int]:
        """Return the lane that a batch is from, and its number there: what lanes have over their share is spare."""
        row, lane = divmod(index, len(self._lanes))
        if row < self._own[lane]:
            return lane, row
        if row < self._share:
            spare = int(self._missing_ends[lane]) - (self._share - row)
        else:
            spare = int(self._missing_ends[-1]) + lane
        giver = int(np.searchsorted(self._spare_ends, spare, side="right"))
        return giver, self._share + spare - (int(self._spare_ends[giver - 1]) if giver else 0)

    def _plan(self, lane: int, window: int) -> tuple[Ints, BatchPlan]:
        """Return the sentences of a window, and their plan; that of the lane's last batch is still there."""
        if lane not in self._open or self._open[lane][0] != window:
            self._open.pop(lane, None)  # before the next one is made
            sentences, lengths = self._data.measure(self._windows[window])
            spec = replace(self._spec, seed=derive_seed("window", self._spec.seed, window))
            self._open[lane] = (window, sentences, plan_batches(lengths, spec, self._epoch))
        return self._open[lane][1:]
