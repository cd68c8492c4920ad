"""The batch plan: which sentences stand together, in which order, as a pure function of its arguments.

Sentences are sorted by length, cut into batches within limits, and the batches are shuffled. The random bits come
straight from a bit generator, whose stream NumPy promises to keep, unlike that of ``Generator.permutation``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtrain.base import PlanSpec
from seqtrain.data.seeds import derive_seed

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BatchPlan:
    """A sequence of batches; batch i is ``order[starts[i]:ends[i]]``, numbers of sentences."""

    order: Ints
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Ints:
        return self.order[self.starts[index] : self.ends[index]]


def plan_batches(lengths: npt.NDArray[np.integer], spec: PlanSpec, epoch: int) -> BatchPlan:
    """Plan the batches of an epoch over sentences of lengths (N,) or (N, sides).

    A batch holds at most ``spec.max_sentences`` sentences, and sentences times longest side is at most
    ``spec.max_tokens``; a longer sentence stands alone. Where a limit ends a batch of ``spec.multiple`` sentences or
    more, it is cut down to a multiple of that. Every sentence is in one batch.

    With ``spec.shuffle`` the order of batches, and of sentences of the same lengths, depends on ``spec.seed`` and
    the epoch; without, batches are in order of length and the plan is the same in every epoch.
    """
    sides = _sides(lengths)
    longest = sides.max(axis=1, initial=0)
    random = np.random.Philox(np.random.SeedSequence([spec.seed, epoch])) if spec.shuffle else None
    order = np.arange(len(lengths)) if random is None else _shuffled(len(lengths), random)
    for key in (*sides.T, longest):
        order = order[np.argsort(_narrow(key)[order], kind="stable")]
    cuts = _cut(longest[order], spec)
    batches = np.arange(len(cuts) - 1) if random is None else _shuffled(len(cuts) - 1, random)
    return BatchPlan(order, cuts[:-1][batches], cuts[1:][batches])


def batch_seed(seed: int, epoch: int, index: int) -> int:
    """Return the seed of the noise in a micro-batch, of 63 bits."""
    return derive_seed(seed, epoch, index)


def padding_share(lengths: npt.NDArray[np.integer], plan: BatchPlan) -> float:
    """Return the share of positions that are padding, from 0 to 1, over all sides of all batches."""
    if len(plan) == 0:
        return 0.0
    sides = _sides(lengths)[plan.order]
    starts = np.sort(plan.starts)
    sizes = np.diff(starts, append=len(sides))
    positions = np.maximum.reduceat(sides, starts, axis=0).astype(np.int64) * sizes[:, None]
    return float(1 - sides.sum(dtype=np.int64) / positions.sum())


def _shuffled(size: int, random: np.random.Philox) -> Ints:
    return np.argsort(random.random_raw(size), kind="stable")


def _sides(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return lengths (N,) or (N, sides) as (N, sides)."""
    return lengths[:, None] if lengths.ndim == 1 else lengths


def _narrow(key: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return lengths as numbers of 16 bits if they fit, as they mostly do: NumPy sorts those by radix."""
    return key.astype(np.uint16) if key.max(initial=0) < 1 << 16 else key


def _cut(lengths: npt.NDArray[np.integer], spec: PlanSpec) -> Ints:
    """Return where sentences of ascending lengths (N,) are cut into batches: 0, ..., N.

    Goes from length to length, not from sentence to sentence: among sentences of one length all full batches are
    of one size.
    """
    distinct, firsts = np.unique(lengths, return_index=True)
    ends = np.append(firsts, len(lengths))[1:]
    cuts = [np.zeros(1, dtype=np.int64)]
    start = 0
    for length, first, end in zip(distinct.tolist(), firsts.tolist(), ends.tolist(), strict=True):
        capacity = _capacity(length, spec, len(lengths))
        while start < first and first - start >= capacity:
            start += _rounded(first - start, spec.multiple)
            cuts.append(np.array([start]))
        full = np.arange(start, end - capacity, _rounded(capacity, spec.multiple)) + _rounded(capacity, spec.multiple)
        cuts.append(full)
        start = int(full[-1]) if full.size else start
    if start < len(lengths):
        cuts.append(np.array([len(lengths)]))
    return np.concatenate(cuts)


def _capacity(length: int, spec: PlanSpec, default: int) -> int:
    """Most sentences in a batch whose longest has ``length`` tokens."""
    capacity = spec.max_sentences or default
    if spec.max_tokens:
        capacity = min(capacity, spec.max_tokens // max(length, 1))
    return max(capacity, 1)


def _rounded(size: int, multiple: int) -> int:
    """Round down to a multiple, unless that would leave nothing."""
    return size // multiple * multiple or size
