"""How much of each training set an epoch sees, and which sentences of it, as a pure function of its arguments.

Each set goes round through all of its sentences, in another order each time, and an epoch takes the next piece of that
from where the last epoch stopped. So all of a large set is seen before anything of it comes twice, however small the
epochs are, and nothing has to be remembered from one to the next.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seqtrain.data.seeds import derive_seed
from seqtrain.errors import ConfigError

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

LARGEST = 1 << 32
"""Sentences of an epoch that are too many: their numbers alone take 32 GiB."""
CHUNK = 1 << 20
"""Numbers that are permuted at a time."""
KEYS = 8
"""Times that the halves of a number are mixed; 4 are enough where the mixing is perfect."""


class Mixture:
    """Several sets, of which each epoch sees some sentences; those of all sets are numbered in one row.

    Args:
        sizes: sentences of each set.
        weights: how often an epoch sees all of each set; empty: each once.
        temperature: T, from 1 on: an epoch has of each set in proportion to (size * weight) ** (1 / T).
        epoch_size: sentences of an epoch; 0: as many as the sets have, times their weights.

    Raises:
        ConfigError: the weights leave nothing to train on, an epoch would be too small to be sure of a sentence, or
            have ``LARGEST`` sentences or more.
    """

    def __init__(
        self, sizes: Sequence[int], weights: Sequence[float] = (), temperature: float = 1.0, epoch_size: int = 0
    ) -> None:
        self.sizes = sizes
        weighted = np.array(sizes) * np.array(weights or [1.0] * len(sizes))
        if not weighted.any():
            raise ConfigError(f"task.train_weights={list(weights)} leaves nothing to train on")
        shares = weighted ** (1 / temperature)
        total = epoch_size or weighted.sum()
        if total >= LARGEST:
            raise ConfigError(f"an epoch would have {total:g} sentences: lower task.epoch_size or task.train_weights")
        self.expected: npt.NDArray[np.float64] = shares * (total / shares.sum())
        """Sentences of each set in an epoch, on average: not whole numbers."""
        if self.expected.max() < 1:
            raise ConfigError(
                f"an epoch would have {total:g} sentences of {len(sizes)} training sets, not one of each: "
                "raise task.epoch_size or task.train_weights"
            )

    def counts(self, epoch: int) -> list[int]:
        """Return how many sentences of each set an epoch, from 1, takes."""
        counts: list[int] = (self._end(epoch) - self._end(epoch - 1)).tolist()
        return counts

    def select(self, *, epoch: int, seed: int) -> Ints:
        """Return the numbers of the sentences of an epoch; one that it sees twice is in it twice."""
        starts, ends = self._end(epoch - 1).tolist(), self._end(epoch).tolist()
        firsts = np.cumsum([0, *self.sizes])[:-1].tolist()
        sets = enumerate(zip(self.sizes, starts, ends, strict=True))
        taken = [round_and_round(*part, derive_seed("mixture", seed, number)) for number, part in sets]
        return np.concatenate([first + numbers for first, numbers in zip(firsts, taken, strict=True)])

    def _end(self, epoch: int) -> Ints:
        """Return how many sentences of each set were taken up to the end of an epoch, each round counted."""
        return np.floor(self.expected * epoch + 0.5).astype(np.int64)


def round_and_round(size: int, start: int, end: int, seed: int) -> Ints:
    """Return positions ``start`` to before ``end`` of an endless walk through 0, ..., ``size`` - 1.

    It takes all numbers before it takes one again, in another order each time.
    """
    taken = [np.empty(0, dtype=np.int64)]
    for number in range(start // size, -(-end // size)) if size else []:
        first, last = max(start - number * size, 0), min(end - number * size, size)
        taken.append(permuted(size, first, last, derive_seed(seed, number)))
    return np.concatenate(taken)


def permuted(size: int, start: int, end: int, seed: int) -> Ints:
    """Return positions ``start`` to before ``end`` of a random order of 0, ..., ``size`` - 1, without making all of it.

    A Feistel network (Luby and Rackoff, 1988) is a permutation of the numbers of so many bits, an even number of them;
    those that it takes to ``size`` or above go through it again, until none is (Black and Rogaway, 2002).
    """
    if end - start == size:
        return np.arange(size)  # the order in which a whole round is taken up makes no difference
    bits = max(1, ((size - 1).bit_length() + 1) // 2)
    keys = np.random.SeedSequence(seed).generate_state(KEYS, np.uint64).astype(np.uint64)
    chunks = [np.arange(first, min(first + CHUNK, end), dtype=np.uint64) for first in range(start, end, CHUNK)]
    return np.concatenate([_within(size, numbers, bits, keys) for numbers in chunks] or [np.empty(0, np.int64)])


def _within(size: int, numbers: Bits, bits: int, keys: Bits) -> Ints:
    taken = _network(numbers, bits, keys)
    while len(outside := np.flatnonzero(taken >= size)):
        taken[outside] = _network(taken[outside], bits, keys)
    return taken.astype(np.int64)


def _network(numbers: Bits, bits: int, keys: Bits) -> Bits:
    """Permute numbers of 2 * ``bits`` bits."""
    low = np.uint64((1 << bits) - 1)
    left, right = numbers >> np.uint64(bits), numbers & low
    for key in keys:
        left, right = right, left ^ (_mixed(right ^ key) & low)
    taken: Bits = left << np.uint64(bits) | right
    return taken


def _mixed(x: Bits) -> Bits:
    """Return numbers of 64 bits each of which depends on all bits of its own (the end of MurmurHash3)."""
    half = np.uint64(33)
    x = (x ^ x >> half) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ x >> half) * np.uint64(0xC4CEB9FE1A85EC53)
    mixed: Bits = x ^ x >> half
    return mixed
