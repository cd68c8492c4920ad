"""Sentences of ids by number: the interface of token stores, and of what is put together from several."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]


class Sentences(ABC):
    """Sentences of ids, each with its end of sentence."""

    fingerprint: str
    """Hash of the content."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of sentences, N."""

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Tokens of each sentence, end of sentence included, (N,): made when it is asked for."""
        return self.lengths_of(np.arange(len(self)))

    def __getitem__(self, index: int) -> Ints:
        if not 0 <= index < len(self):
            raise IndexError(f"sentence {index} of {len(self)}")
        return self.gather(np.array([index]))[0]

    def are_empty(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of sentences (B,) hold nothing but their end, (B,)."""
        return self.lengths_of(ids) <= 1

    @property
    def sizes(self) -> list[int]:
        """Sentences of each store that these are from, in order."""
        return [len(self)]

    @abstractmethod
    def lengths_of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the tokens of sentences (B,), end of sentence included, (B,)."""

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
        self._firsts = np.cumsum([0, *map(len, parts)])[:-1]
        content = [f"{part.fingerprint} {list(ids)}" for part, ids in zip(parts, beginnings, strict=True)]
        self.fingerprint = hashlib.sha256("\n".join(content).encode()).hexdigest()

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def are_empty(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of sentences (B,) hold nothing but their beginning and end, (B,)."""
        ends = np.array([len(beginning) + 1 for beginning in self.beginnings])
        empty: npt.NDArray[np.bool_] = self.lengths_of(ids) <= ends[self._owners(ids)]
        return empty

    @property
    def sizes(self) -> list[int]:
        """Sentences of each store."""
        return [len(part) for part in self.parts]

    def lengths_of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the tokens of sentences (B,), their beginnings and ends included, (B,)."""
        lengths = np.empty(len(ids), dtype=np.int32)
        for owner, rows in self._by_owner(ids):
            own = self.parts[owner].lengths_of(ids[rows] - self._firsts[owner])
            lengths[rows] = own + np.int32(len(self.beginnings[owner]))
        return lengths

    def gather(self, ids: npt.NDArray[np.int64], max_length: int | None = None) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Return the tokens of sentences (B,), one after the other, and their lengths (B,)."""
        lengths = self.lengths_of(ids)
        if max_length is not None:
            lengths = np.minimum(lengths, max_length)
        flat = np.empty(lengths.sum(dtype=np.int64), dtype=np.int32)
        starts = np.cumsum(lengths, dtype=np.int64) - lengths
        for owner, rows in self._by_owner(ids):
            flat[_positions(starts[rows], lengths[rows])] = self._tokens(owner, ids[rows], lengths[rows])
        return flat, lengths

    def _owners(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of the store that each sentence is from, (B,)."""
        return np.searchsorted(self._firsts, ids, side="right") - 1

    def _by_owner(self, ids: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Yield the number of each store that sentences (B,) are from, and which of them are."""
        owners = self._owners(ids)
        for owner in np.unique(owners).tolist():
            yield owner, np.flatnonzero(owners == owner)

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
