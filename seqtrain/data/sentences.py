"""Sentences of ids by number: the interface of token stores, and of what is put together from several."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]


class Sentences(ABC):
    """Sentences of ids, each with its end of sentence."""

    lengths: npt.NDArray[np.int32]
    """Tokens of each sentence, end of sentence included, (N,)."""
    fingerprint: str
    """Hash of the content."""

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Ints:
        if not 0 <= index < len(self):
            raise IndexError(f"sentence {index} of {len(self)}")
        return self.gather(np.array([index]))[0]

    @property
    def empty(self) -> npt.NDArray[np.bool_]:
        """Which sentences hold nothing but their end, (N,)."""
        return self.lengths <= 1

    @property
    def sizes(self) -> list[int]:
        """Sentences of each store that these are from, in order."""
        return [len(self)]

    @abstractmethod
    def gather(self, ids: npt.NDArray[np.int64], max_length: int | None = None) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Return the tokens of sentences (B,), one after the other, and their lengths (B,).

        Of a sentence longer than ``max_length`` only so many tokens are taken.
        """


class JoinedSentences(Sentences):
    """The sentences of several stores, one after the other; all of a store begin with the same ids, such as a tag.

    Args:
        parts: the stores.
        beginnings: what is put at the front of each sentence of a store, for each of them.
    """

    def __init__(self, parts: Sequence[Sentences], beginnings: Sequence[Sequence[int]]) -> None:
        self.parts = parts
        self.beginnings = [np.array(ids, dtype=np.int32) for ids in beginnings]
        lengths = (part.lengths + np.int32(len(ids)) for part, ids in zip(parts, self.beginnings, strict=True))
        self.lengths = np.concatenate(list(lengths))
        self._firsts = np.cumsum([0, *map(len, parts)])[:-1]
        content = [f"{part.fingerprint} {list(ids)}" for part, ids in zip(parts, beginnings, strict=True)]
        self.fingerprint = hashlib.sha256("\n".join(content).encode()).hexdigest()

    @property
    def empty(self) -> npt.NDArray[np.bool_]:
        """Which sentences hold nothing but their beginning and end, (N,)."""
        return np.concatenate([part.empty for part in self.parts])

    @property
    def sizes(self) -> list[int]:
        """Sentences of each store."""
        return [len(part) for part in self.parts]

    def gather(self, ids: npt.NDArray[np.int64], max_length: int | None = None) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Return the tokens of sentences (B,), one after the other, and their lengths (B,)."""
        lengths = self.lengths[ids]
        if max_length is not None:
            lengths = np.minimum(lengths, max_length)
        flat = np.empty(lengths.sum(dtype=np.int64), dtype=np.int32)
        starts = np.cumsum(lengths, dtype=np.int64) - lengths
        owners = np.searchsorted(self._firsts, ids, side="right") - 1
        for owner in np.unique(owners):
            rows = np.flatnonzero(owners == owner)
            flat[_positions(starts[rows], lengths[rows])] = self._tokens(int(owner), ids[rows], lengths[rows])
        return flat, lengths

    def _tokens(self, owner: int, ids: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> Ints:
        """Return so many tokens of each of some sentences (B,) of one store, one after the other."""
        part, beginning = self.parts[owner], self.beginnings[owner]
        flat, found = part.gather(ids - self._firsts[owner])
        starts = np.cumsum(found, dtype=np.int64) - found
        whole = np.insert(flat.astype(np.int32), np.repeat(starts, len(beginning)), np.tile(beginning, len(ids)))
        return whole[_positions(starts + len(beginning) * np.arange(len(ids)), lengths)]


def joined(parts: Sequence[Sentences], beginnings: Sequence[Sequence[int]]) -> Sentences:
    """Return the sentences of several stores as one; a single one as it is, if nothing is put at its front."""
    return parts[0] if len(parts) == 1 and not beginnings[0] else JoinedSentences(parts, beginnings)


def _positions(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return ``starts`` and so many numbers after each, (n,)."""
    before = np.cumsum(lengths, dtype=np.int64) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum(dtype=np.int64))
