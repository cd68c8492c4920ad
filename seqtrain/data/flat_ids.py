"""Ids that are read as from one flat array, wherever they lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqtrain.errors import DataError

Array = npt.NDArray[Any]
Positions = npt.NDArray[np.int64]


class FlatIds(Protocol):
    """Ids (n,), to read by a slice or by positions of any shape: an array, or something that reads as one does."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the ids."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice | Positions, /) -> Array: ...


class CheckedIds:
    """Ids (n,) of a file that nobody has read before; each is compared with the dictionary when it is read.

    Args:
        ids: the mapped file.
        offsets: where each sentence begins, and the end, (N + 1,).
        file: for messages.
        vocab_size: symbols of the dictionary.
    """

    def __init__(self, ids: Array, offsets: npt.NDArray[np.int64], file: Path, vocab_size: int) -> None:
        self._ids, self._offsets, self._file, self._vocab_size = ids, offsets, file, vocab_size
        self.dtype = ids.dtype

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, key: slice | Positions, /) -> Array:
        """Return ids.

        Raises:
            DataError: one is not in the dictionary.
        """
        ids = self._ids[key]
        if ids.size and (ids.max() >= self._vocab_size or ids.min() < 0):
            wrong = (ids < 0) | (ids >= self._vocab_size)
            self._refuse(int(_positions(key, len(self)).ravel()[wrong.argmax()]))
        return ids

    def _refuse(self, position: int) -> None:
        sentence = np.searchsorted(self._offsets, position, side="right")
        raise DataError(
            f"{self._file}: sentence {sentence}, counted from 1, has the id {self._ids[position]}, and the dictionary "
            f"{self._vocab_size} symbols: it is another one than the ids were made with, or the file is damaged"
        )


class JoinedIds:
    """Ids of several sources, one after the other, (n,)."""

    def __init__(self, parts: Sequence[FlatIds]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *map(len, parts)])
        common = np.result_type(*(part.dtype for part in parts))
        self.dtype = common if common.kind in "iu" else np.dtype(np.int64)  # of int64 and uint64 it is float64

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, key: slice | Positions, /) -> Array:
        """Return ids."""
        positions = _positions(key, len(self))
        ids = np.empty(positions.shape, self.dtype)
        owners = np.searchsorted(self._starts, positions, side="right") - 1
        for owner in np.unique(owners):
            mine = owners == owner
            ids[mine] = self._parts[owner][positions[mine] - self._starts[owner]]
        return ids


class PartOfIds:
    """Ids from ``first`` to before ``end`` of others, (n,); none is read before it is asked for."""

    def __init__(self, whole: FlatIds, first: int, end: int) -> None:
        self._whole, self._first, self._size = whole, first, end - first
        self.dtype = whole.dtype

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice | Positions, /) -> Array:
        """Return ids."""
        return self._whole[_positions(key, self._size) + self._first]


def _positions(key: slice | Positions, size: int) -> Positions:
    return np.arange(*key.indices(size)) if isinstance(key, slice) else key
