"""The ids that ``fairseq-preprocess`` wrote, as they lie: ``<prefix>.idx`` and ``<prefix>.bin``, memory-mapped.

The index begins with a magic, a version, a code for the type of the ids and the number of sentences N; then come their
lengths, int32 (N,), and where each begins in the ``.bin``, in bytes, int64 (N,). The ``.bin`` is the ids, one sentence
after the other, each with its end of sentence. All is little endian.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.data.flat_ids import CheckedIds
from seqtrain.data.store import Tokens
from seqtrain.documents import open_regular
from seqtrain.errors import DataError

MAGIC, VERSION = b"MMIDIDX\x00\x00", 1
OLDER_MAGIC = b"TNTIDX\x00\x00"
HEADER = struct.Struct("<9sQBQ")
DTYPES = {1: "|u1", 2: "|i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2", 9: "<u4", 10: "<u8"}
"""Type of the ids by its code."""
FLOATS = (6, 7)
"""Codes of types that are no ids."""

HASHED = 1000
"""Sentences that are hashed together."""
SAMPLE = 2048
"""Ids at the beginning of these that are hashed where the ``.bin`` is not hashed as a whole."""
SMALL = 64 << 20
"""Bytes of a ``.bin`` up to which it is hashed as a whole."""

Array = npt.NDArray[Any]
Offsets = npt.NDArray[np.int64]


class FairseqBin:
    """Sentences of ids in fairseq's format. Opening reads the index, and of the ``.bin`` what the fingerprint takes.

    Args:
        file: the ``.bin``, with its ``.idx`` beside it.

    Raises:
        DataError: a file is missing, cut short or of another format, or the two do not belong together.
    """

    def __init__(self, file: Path) -> None:
        self.file, index = file, file.with_suffix(".idx")
        dtype, sizes, starts = _read_index(index)
        self._offsets = _offsets(index, sizes, starts, dtype.itemsize)
        self._ids = _map_ids(file, dtype, int(self._offsets[-1]), index)
        self.fingerprint = _describe(sizes, self._offsets, self._ids)
        """By blocks: of all lengths, and of all ids or of samples of them."""

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def tokens(self, vocab_size: int) -> Tokens:
        """Return the sentences; an id that is not in a dictionary of so many symbols is an error when it is read.

        Raises:
            DataError: the first sentences do not end with the end of sentence.
        """
        ends = self._ids[self._offsets[1 : HASHED + 1] - 1]
        if (ends != Dictionary.eos).any():
            number = int((ends != Dictionary.eos).argmax()) + 1
            raise DataError(
                f"{self.file}: sentence {number}, counted from 1, does not end with the id {Dictionary.eos}, the end "
                "of a sentence, as those of fairseq-preprocess do"
            )
        ids = CheckedIds(self._ids, self._offsets, self.file, vocab_size)
        return Tokens(ids, self._offsets, self.fingerprint.sha256)


class _Index(NamedTuple):
    dtype: np.dtype[Any]
    sizes: npt.NDArray[np.int32]
    """Ids of each sentence, (N,), mapped."""
    starts: Offsets
    """Where each begins, in bytes, (N,), mapped."""


def _read_index(file: Path) -> _Index:
    """Map an index whose header fits its length."""
    try:
        with open_regular(file) as stream:
            header = stream.read(HEADER.size)
        num_bytes = file.stat().st_size
        dtype, size = _parse(header, file)
        if num_bytes != HEADER.size + 12 * size:
            raise _damaged(file, f"has {num_bytes:,} bytes, and {size:,} sentences take {HEADER.size + 12 * size:,}")
        sizes = _map(file, np.dtype("<i4"), HEADER.size, size)
        return _Index(dtype, sizes, _map(file, np.dtype("<i8"), HEADER.size + 4 * size, size))
    except OSError as error:
        raise _damaged(file, f"cannot be read ({error.strerror or error})") from error


def _parse(header: bytes, file: Path) -> tuple[np.dtype[Any], int]:
    """Return the type of the ids and the number of sentences."""
    if header.startswith(OLDER_MAGIC):
        raise DataError(
            f"{file} is of fairseq's older format (--dataset-impl lazy or cached), which is not read here: run "
            "fairseq-preprocess again without that flag, or train from the text, task.data=DIR"
        )
    if not header.startswith(MAGIC):
        raise _damaged(file, "is no index of fairseq's memory-mapped format (--dataset-impl mmap)")
    if len(header) < HEADER.size:
        raise _damaged(file, "ends within its header")
    _, version, code, size = HEADER.unpack(header)
    if version != VERSION:
        raise _damaged(file, f"is of version {version}, and this program reads {VERSION}")
    if code in FLOATS:
        raise DataError(f"{file}: its .bin holds floating-point numbers, not ids of symbols; check task.data")
    if code not in DTYPES:
        raise _damaged(file, f"names the type {code}; known are {', '.join(map(str, DTYPES))}")
    return np.dtype(DTYPES[code]), size


def _offsets(file: Path, sizes: npt.NDArray[np.int32], starts: Offsets, itemsize: int) -> Offsets:
    """Return where each sentence begins and where the last ends, in ids, (N + 1,)."""
    wrong = np.flatnonzero(sizes <= 0)
    if wrong.size:
        raise _damaged(file, f"gives sentence {wrong[0] + 1}, counted from 1, the length {sizes[wrong[0]]}")
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    wrong = np.flatnonzero(starts != offsets[:-1] * itemsize)
    if wrong.size:
        raise _damaged(file, f"lets sentence {wrong[0] + 1}, counted from 1, begin elsewhere than the one before ends")
    return offsets


def _map_ids(file: Path, dtype: np.dtype[Any], size: int, index: Path) -> Array:
    """Map the ids (n,) of a ``.bin`` that is as long as its index says."""
    try:
        open_regular(file).close()
        num_bytes, expected = file.stat().st_size, size * dtype.itemsize
        if num_bytes != expected:
            raise _damaged(file, f"has {num_bytes:,} bytes, and by {index.name} beside it should have {expected:,}")
        return _map(file, dtype, 0, size)
    except OSError as error:
        raise _damaged(file, f"cannot be read ({error.strerror or error})") from error


def _map(file: Path, dtype: np.dtype[Any], start: int, size: int) -> Array:
    """Map numbers (n,) that begin at a byte of a file."""
    if size == 0:  # an empty file cannot be mapped
        return np.empty(0, dtype)
    return np.asarray(np.memmap(file, dtype, "r", start, (size,)))


def _describe(sizes: npt.NDArray[np.int32], offsets: Offsets, ids: Array) -> Fingerprint:
    sample = None if ids.nbytes <= SMALL else SAMPLE

    def blocks() -> Iterator[bytes]:
        for first in range(0, len(sizes), HASHED):
            end = min(first + HASHED, len(sizes))
            some = ids[offsets[first] : offsets[end]][:sample]
            yield sizes[first:end].tobytes() + some.tobytes()

    unit = "sentences" if sample is None else "sentences (sampled)"
    return Fingerprint.of_blocks(unit, len(sizes), ids.nbytes, HASHED, blocks())


def _damaged(file: Path, what: str) -> DataError:
    return DataError(f"{file} {what}: copy the file again, or run fairseq-preprocess again")
