"""The batch plan: which sentences stand together, in which order, as a pure function of its arguments.

Sentences are sorted by length, cut into batches within limits, and the batches are shuffled. The random bits come
straight from a bit generator, whose stream NumPy promises to keep, unlike that of ``Generator.permutation``.

In order are first the lengths of the longer side, which limits a batch. Among sentences that have the same one, the
target gets longer and the source shorter, and among those with the next length it is the other way round: so the
shorter side varies little too, also where the longer one changes.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from seqtrain.base import PlanSpec
from seqtrain.data.seeds import derive_seed

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

FULL = 0.7
"""Share of ``max_tokens`` with which a batch ends early: where it would go on with longer sentences."""


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
    ``spec.max_tokens``; a longer sentence stands alone. Where a batch ends with ``spec.multiple`` sentences or
    more, it is cut down to a multiple of that. Every sentence is in one batch.

    With ``spec.shuffle`` the order of batches, and of sentences of the same lengths, depends on ``spec.seed`` and
    the epoch; without, batches are in order of length and the plan is the same in every epoch.
    """
    sides = _sides(lengths)
    longest = _longest(sides)
    random = np.random.Philox(np.random.SeedSequence([spec.seed, epoch])) if spec.shuffle else None
    order = _by_length(sides, longest, None if random is None else _shuffled(len(lengths), random))
    cuts = _cut(longest, spec)
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
    unused = np.uint64(size.bit_length())
    return _argsort(random.random_raw(size) >> unused, 64 - size.bit_length())


def _by_length(sides: npt.NDArray[np.integer], longest: npt.NDArray[np.integer], order: Ints | None) -> Ints:
    """Return the numbers of sentences in order of their lengths, those with the same in the order that is given."""
    bits = int(longest.max(initial=0)).bit_length()
    keys = sides[:, -1].astype(np.int64)
    keys -= sides[:, 0]
    np.negative(keys, out=keys, where=longest & 1 == 1)
    keys += 1 << bits
    keys |= np.left_shift(longest, bits + 1, dtype=np.int64)
    if order is None:
        return _argsort(keys.view(np.uint64), 2 * bits + 1)
    keys = keys[order]
    return order[_argsort(keys.view(np.uint64), 2 * bits + 1)]


def _argsort(keys: Bits, bits: int) -> Ints:
    """Return the stable order of numbers (N,) that have so many bits; sorts them in place.

    NumPy sorts numbers many times faster than it finds their order: where there is room, each takes its place along.
    """
    place = len(keys).bit_length()
    if bits + place > 64:
        return np.argsort(keys, kind="stable")
    keys <<= np.uint64(place)
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    keys &= np.uint64((1 << place) - 1)
    return keys.view(np.int64)


def _sides(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return lengths (N,) or (N, sides) as (N, sides)."""
    return lengths[:, None] if lengths.ndim == 1 else lengths


def _longest(sides: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return the length of each sentence's longest side, (N,): side by side, since NumPy is slow with short rows."""
    return reduce(np.maximum, sides.T)


def _cut(longest: npt.NDArray[np.integer], spec: PlanSpec) -> Ints:
    """Return where sentences with these lengths (N,), once they are sorted, are cut into batches: 0, ..., N.

    Goes from length to length, not from sentence to sentence: among sentences of one length all full batches are
    of one size.
    """
    distinct, counts = np.unique(longest, return_counts=True)
    ends = np.cumsum(counts)
    cuts = [np.zeros(1, dtype=np.int64)]
    start = 0
    for length, first, end in zip(distinct.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True):
        capacity = _capacity(length, spec, len(longest))
        while start < first and first - start >= capacity:
            start += _rounded(first - start, spec.multiple)
            cuts.append(np.array([start]))
        size = _rounded(capacity, spec.multiple)
        full = np.arange(start, end - capacity, size) + size
        cuts.append(full)
        start = int(full[-1]) if full.size else start
        if end < len(longest) and (end - start) * length >= FULL * spec.max_tokens > 0:
            start += _rounded(end - start, spec.multiple)
            cuts.append(np.array([start]))
    if start < len(longest):
        cuts.append(np.array([len(longest)]))
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
