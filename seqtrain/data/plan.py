"""The batch plan: which sentences stand together, in which order, as a pure function of its arguments.

Sentences are sorted by length, cut into batches within limits, and the batches are shuffled. The random bits come
straight from a bit generator, whose stream NumPy promises to keep, unlike that of ``Generator.permutation``.

In order are first the lengths of the longer side, which limits a batch. Among sentences that have the same one, the
target gets longer and the source shorter, and among those with the next length it is the other way round: so the
shorter side varies little too, also where the longer one changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seqtrain.base import PlanSpec
from seqtrain.data.seeds import derive_seed

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

FULL = 0.7
"""Share of ``max_tokens`` with which a batch ends early: where it would go on with longer sentences."""


class Plan(Protocol):
    """The batches of an epoch: numbers of sentences, (B,), by the number of the batch."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Ints: ...


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
    longest = longest_sides(lengths)
    random = np.random.Philox(np.random.SeedSequence([spec.seed, epoch])) if spec.shuffle else None
    order = _by_length(_sides(lengths), longest, None if random is None else _shuffled(len(lengths), random))
    distinct, counts = np.unique(longest, return_counts=True)
    cuts = _cut(distinct, counts, spec)
    batches = np.arange(len(cuts) - 1) if random is None else _shuffled(len(cuts) - 1, random)
    return BatchPlan(order, cuts[:-1][batches], cuts[1:][batches])


def longest_sides(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return the length of each sentence's longest side, (N,), of lengths (N,) or (N, sides)."""
    return reduce(np.maximum, _sides(lengths).T)  # side by side, since NumPy is slow with short rows


def count_batches(counts: Ints, spec: PlanSpec) -> int:
    """Return the number of batches, given how many sentences have a longest side of 0, 1, 2, ... tokens."""
    distinct = np.flatnonzero(counts)
    return len(_cut(distinct, counts[distinct], spec)) - 1


def batch_seed(seed: int, epoch: int, index: int) -> int:
    """Return the seed of the noise in a micro-batch, of 63 bits."""
    return derive_seed(seed, epoch, index)


def padding_share(plan: Plan, lengths_of: Callable[[Ints], npt.NDArray[np.integer]], most: int = 10_000) -> float:
    """Return the share of positions that are padding, from 0 to 1, over all sides of the first batches.

    Args:
        plan: what stands together; shuffled, its first batches are a sample of all.
        lengths_of: returns the lengths of sentences (B,), (B,) or (B, sides).
        most: batches that are looked at.
    """
    tokens = positions = 0
    for index in range(min(len(plan), most)):
        sides = _sides(lengths_of(plan[index]))
        tokens += int(sides.sum())
        positions += len(sides) * int(sides.max(axis=0).sum())
    return 1 - tokens / positions if positions else 0.0


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


def _cut(distinct: npt.NDArray[np.integer], counts: Ints, spec: PlanSpec) -> Ints:
    """Return where N sentences, once they are sorted, are cut into batches: 0, ..., N.

    Goes from length to length, not from sentence to sentence: among sentences of one length all full batches are
    of one size.

    Args:
        distinct: the lengths that longest sides have, rising.
        counts: how many sentences have each.
        spec: the limits.
    """
    ends = np.cumsum(counts)
    total, start, cuts = int(counts.sum()), 0, [np.zeros(1, dtype=np.int64)]
    for length, first, end in zip(distinct.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True):
        capacity = _capacity(length, spec, total)
        while start < first and first - start >= capacity:
            start += _rounded(first - start, spec.multiple)
            cuts.append(np.array([start]))
        size = _rounded(capacity, spec.multiple)
        full = np.arange(start, end - capacity, size) + size
        cuts.append(full)
        start = int(full[-1]) if full.size else start
        if end < total and (end - start) * length >= FULL * spec.max_tokens > 0:
            start += _rounded(end - start, spec.multiple)
            cuts.append(np.array([start]))
    if start < total:
        cuts.append(np.array([total]))
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
