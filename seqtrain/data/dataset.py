"""Datasets that are batched by a plan, and fetched ahead by one thread."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqtrain.base import Batch, Dataset, Dictionary, PlanSpec, Shard
from seqtrain.data.plan import Plan, batch_seed, plan_batches
from seqtrain.data.sentences import Sentences
from seqtrain.data.windows import WindowedPlan, Windows, batches_of_windows, count_lengths

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

PREFETCH = 4
"""Batches that are collated ahead of the one in use."""


class PlannedDataset(Dataset):
    """Sentences with known lengths. A subclass sets the two arrays and implements ``collate``.

    One that holds no arrays, since it is larger than memory, implements the four other methods but ``batches``.
    """

    lengths: npt.NDArray[np.int32]
    """Tokens of each sentence on each side, end of sentence included, (N,) or (N, sides)."""
    ids: npt.NDArray[np.int64]
    """The number by which ``collate`` and ``Batch.ids`` know each sentence, (N,)."""

    def __len__(self) -> int:
        return len(self.ids)

    def numbers(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the numbers by which ``collate`` knows sentences (B,) of the plan, (B,)."""
        return self.ids[positions]

    def measure(self, positions: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return which of sentences (n,) are seen, (m,), and their lengths, (m,) or (m, sides)."""
        return positions, self.lengths[positions]

    def count_lengths(self, windows: Windows) -> npt.NDArray[np.int64]:
        """Return how many sentences of each window have a longest side of 0, 1, 2, ... tokens."""
        return count_lengths(windows, self)

    def plan(self, spec: PlanSpec, epoch: int) -> Plan:
        """Return the batch plan of an epoch; its numbers are positions in ``ids``."""
        if not (spec.window and spec.shuffle):
            return plan_batches(self.lengths, spec, epoch)
        windows, limits = Windows(len(self), spec.window), replace(spec, seed=0)
        if limits not in self._batches_of_windows:
            self._batches_of_windows[limits] = batches_of_windows(self.count_lengths(windows), spec)
        return WindowedPlan(windows, self, self._batches_of_windows[limits], spec, epoch)

    @cached_property
    def _batches_of_windows(self) -> dict[PlanSpec, npt.NDArray[np.int64]]:
        """How many batches each window has: the same in every epoch."""
        return {}

    def batches(self, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0) -> Iterator[Batch]:
        """Yield the micro-batches of an epoch from the ``start``-th on, those of one process."""
        batch_plan = self.plan(plan, epoch)

        def make(index: int) -> Batch:
            batch = self.collate(self.numbers(batch_plan[index]))
            return replace(batch, seed=batch_seed(plan.seed, epoch, index))

        first = start + (shard.rank - start) % shard.world
        return prefetch(make, range(first, len(batch_plan), shard.world))


class Selection(PlannedDataset):
    """Some sentences of a dataset, as often as they are named: what an epoch sees of it.

    Args:
        dataset: the whole.
        positions: where in its ``ids`` they stand, (n,).
    """

    def __init__(self, dataset: PlannedDataset, positions: npt.NDArray[np.int64]) -> None:
        self.dataset = dataset
        self.ids, self.lengths = dataset.ids[positions], dataset.lengths[positions]
        self.fingerprint = hashlib.sha256(dataset.fingerprint.encode() + self.ids.tobytes()).hexdigest()

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return sentences by the numbers that the dataset knows them by."""
        return self.dataset.collate(ids)


def padded(
    tokens: Sentences, ids: npt.NDArray[np.int64], max_length: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return sentences (B,), each cut to ``max_length``, as a matrix padded on the right, and their lengths (B,)."""
    flat, lengths = tokens.gather(ids, max_length)
    matrix = np.full((len(ids), lengths.max(initial=0)), Dictionary.pad, dtype=np.int64)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = flat
    return matrix, lengths


def to_decode(ids: npt.NDArray[np.int64], net_input: dict[str, Tensor]) -> Batch:
    """Return the batch of sentences (B,) whose outputs are to be found; its target is empty, (B, 0)."""
    return Batch(
        ids=torch.from_numpy(ids),
        net_input=net_input,
        target=torch.empty(len(ids), 0, dtype=torch.int64),
        ntokens=0,
        nsentences=len(ids),
    )


def prefetch(make: Callable[[ItemT], ResultT], items: Iterable[ItemT], depth: int = PREFETCH) -> Iterator[ResultT]:
    """Yield ``make(item)`` of each item in order, made by one thread up to ``depth`` items ahead.

    An exception in ``make`` is raised here, in its turn. The thread ends with this iterator, also when that is
    closed before its end.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        pending: deque[Future[ResultT]] = deque()
        try:
            for item in remaining:
                pending.append(thread.submit(make, item))
                if len(pending) > depth:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
