"""Sentence pairs to learn from whose lengths are read window by window, as an epoch comes to them."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqtrain.base import PlanSpec
from seqtrain.data.cache import cached
from seqtrain.data.parallel import PairsDataset
from seqtrain.data.plan import Plan, plan_batches
from seqtrain.data.sentences import Sentences
from seqtrain.data.windows import Windows, count_lengths
from seqtrain.errors import DataError

COUNTS = "lengths.npy"
"""File of the cache that holds how many pairs of each window have which length."""

Ints = npt.NDArray[np.int64]


class StreamedPairs(PairsDataset):
    """Pairs of sentences, of which nothing is held in memory but how many in each window have which length.

    Those with a side that is over ``max_positions`` (source, target), or empty, are left out. Its ``len`` counts
    them too: they have their places in windows.

    Args:
        source: one side.
        target: the other.
        max_positions: most tokens of each.
        window: pairs that are planned at a time.
        cache_dir: where the counts are kept; they are taken by reading all lengths once.

    Raises:
        DataError: the stores do not belong together, or no pair is left.
    """

    def __init__(
        self, source: Sentences, target: Sentences, max_positions: tuple[int, int], window: int, cache_dir: Path
    ) -> None:
        super().__init__(source, target, max_positions, for_training=True)
        self._cache_dir = cache_dir
        self._key = self.fingerprint  # without alignments, which change no length
        counts = self.count_lengths(Windows(len(self), window))
        self.num_left_out = len(self) - int(counts.sum())
        """Pairs with an empty side or one over the limit."""
        if self.num_left_out == len(self):
            raise DataError(
                f"there is nothing to train on: all {len(self)} pairs have an empty side, or one of more than "
                f"{max_positions[0]} source or {max_positions[1]} target tokens; check task.train, or raise "
                "task.max_source_positions and task.max_target_positions"
            )

    def __len__(self) -> int:
        return len(self.source)

    def numbers(self, positions: Ints) -> Ints:
        """Return the numbers of pairs: their positions."""
        return positions

    def measure(self, positions: Ints) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Return which of pairs (n,) are trained on, (m,), and their lengths, (m, 2)."""
        lengths = self.lengths_of(positions)
        kept = ~(self.are_empty(positions) | self.are_too_long(lengths))
        return positions[kept], lengths[kept]

    def plan(self, spec: PlanSpec, epoch: int) -> Plan:
        """Return the batch plan of an epoch; without windows or shuffling the lengths of all pairs are read for it."""
        if spec.window and spec.shuffle:
            return super().plan(spec, epoch)
        positions, lengths = self.measure(np.arange(len(self)))
        plan = plan_batches(lengths, spec, epoch)
        return replace(plan, order=positions[plan.order])

    def count_lengths(self, windows: Windows) -> Ints:
        """Return how many pairs of each window have a longest side of 0, 1, 2, ... tokens; from the cache, if there."""
        key = {"pairs": self._key, "window": windows.size}
        entry = cached(self._cache_dir, "windows", key, partial(self._write_counts, windows))
        counts: Ints = np.load(entry / COUNTS, allow_pickle=False)
        return counts

    def _write_counts(self, windows: Windows, directory: Path) -> None:
        np.save(directory / COUNTS, count_lengths(windows, self), allow_pickle=False)
