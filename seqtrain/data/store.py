"""Sentences of ids as two flat arrays, in memory or mapped from files that NumPy alone can read.

Sentence i is ``tokens[offsets[i]:offsets[i + 1]]``, its end of sentence included. On disk a store is a directory:
``tokens.npy`` (n,) uint16 or int32, ``offsets.npy`` (N + 1,) int64, and ``store.json`` with counts and checksums.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtrain.data.chunks import chunked
from seqtrain.data.flat_ids import FlatIds, JoinedIds, PartOfIds
from seqtrain.data.sentences import Sentences
from seqtrain.data.text import hash_file
from seqtrain.documents import DocumentError, build, open_regular, read_json
from seqtrain.errors import DataError

FORMAT, VERSION = "seqtrain tokens", 1
TOKENS, OFFSETS, INDEX = "tokens.npy", "offsets.npy", "store.json"
DTYPES, OFFSET_DTYPE = ("<u2", "<i4"), "<i8"
CHUNK = 10_000
"""Sentences held in memory at a time while a store is written."""
CHECKED = 1 << 20
"""Offsets that are checked at a time when a store is opened."""

_HEADER_BYTES = 128


Flat = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""The tokens of some sentences, (n,), and their lengths, (N,)."""


class Tokens(Sentences):
    """Sentences of ids as flat arrays: tokens (n,) and offsets (N + 1,)."""

    def __init__(self, tokens: FlatIds, offsets: npt.NDArray[np.int64], fingerprint: str) -> None:
        self.tokens = tokens
        self.offsets = offsets
        self.fingerprint = fingerprint

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> npt.NDArray[Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"sentence {index} of {len(self)}")
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Tokens of each sentence, end of sentence included, (N,): made when it is asked for."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], dtype=np.int32, casting="unsafe")

    @classmethod
    def from_sentences(cls, sentences: Sequence[Sequence[int]]) -> "Tokens":
        """Keep sentences in memory; each ends with its end of sentence."""
        tokens, lengths = flatten(sentences)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return cls(tokens, offsets, hashlib.sha256(tokens.tobytes() + offsets.tobytes()).hexdigest())

    @classmethod
    def join(cls, parts: Sequence["Tokens"]) -> "Tokens":
        """Return the sentences of several as those of one, where they lie; a single one as it is."""
        if len(parts) == 1:
            return parts[0]
        starts = np.cumsum([0, *(len(part.tokens) for part in parts)])
        offsets = np.concatenate([[0], *(part.offsets[1:] + start for part, start in zip(parts, starts, strict=False))])
        fingerprint = hashlib.sha256(" ".join(part.fingerprint for part in parts).encode()).hexdigest()
        return Tokens(JoinedIds([part.tokens for part in parts]), offsets, fingerprint)

    def part(self, first: int, end: int) -> "Tokens":
        """Return the sentences from ``first`` to before ``end``, where they lie."""
        offsets = self.offsets[first : end + 1]
        fingerprint = hashlib.sha256(f"{self.fingerprint} {first} {end}".encode()).hexdigest()
        ids = PartOfIds(self.tokens, int(offsets[0]), int(offsets[-1]))
        return Tokens(ids, offsets - offsets[0], fingerprint)

    def lengths_of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the tokens of sentences (B,), end of sentence included, (B,)."""
        return (self.offsets[ids + 1] - self.offsets[ids]).astype(np.int32)

    def gather(
        self, ids: npt.NDArray[np.int64], max_length: int | None = None
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
        """Return the tokens of sentences (B,), one after the other, and their lengths (B,)."""
        lengths = self.lengths_of(ids)
        if max_length is not None:
            lengths = np.minimum(lengths, max_length)
        ends = np.cumsum(lengths, dtype=np.int64)
        starts = np.repeat(self.offsets[ids] - (ends - lengths), lengths)
        return self.tokens[starts + np.arange(len(starts))], lengths


@dataclass(frozen=True)
class _Index:
    """What ``store.json`` holds."""

    format: str
    version: int
    sentences: int
    tokens: int
    dtype: str
    sha256: dict[str, str]
    fingerprint: str


class TokenStore(Tokens):
    """Sentences of ids in a directory, memory-mapped.

    Opening reads the offsets but not the tokens: what shows without that is checked, :meth:`verify` checks all.

    Raises:
        DataError: a file is missing, cut short, damaged or of another version.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._index = index = _read_index(directory / INDEX)
        tokens = _map(directory / TOKENS, index.dtype, index.tokens)
        offsets = _map(directory / OFFSETS, OFFSET_DTYPE, index.sentences + 1)
        super().__init__(tokens, offsets, index.fingerprint)
        if offsets[0] != 0 or offsets[-1] != len(tokens) or not _all_rise(offsets):
            raise _damaged(directory / OFFSETS, "its offsets do not fit its tokens")

    @staticmethod
    def write(directory: Path, sentences: Iterable[Sequence[int]], vocab_size: int) -> None:
        """Write a store into an empty directory, in bounded memory; each sentence ends with its end of sentence.

        Raises:
            DataError: a sentence is empty or has an id outside of the dictionary.
        """
        TokenStore.write_chunks(directory, map(flatten, chunked(sentences, CHUNK)), vocab_size)

    @staticmethod
    def write_chunks(directory: Path, chunks: Iterable[Flat], vocab_size: int) -> None:
        """Write a store as :meth:`write` does, from some sentences at a time: their tokens (n,) and lengths (N,).

        Raises:
            DataError: a sentence is empty or has an id outside of the dictionary.
        """
        dtype = dtype_of(vocab_size)
        with _ArrayFile(directory / TOKENS, dtype) as tokens, _ArrayFile(directory / OFFSETS, OFFSET_DTYPE) as offsets:
            offsets.append(np.zeros(1, dtype=np.int64))
            for flat, lengths in chunks:
                _check(flat, lengths, vocab_size)
                offsets.append(tokens.size + np.cumsum(lengths))
                tokens.append(flat)
        index: dict[str, object] = {
            "format": FORMAT,
            "version": VERSION,
            "sentences": offsets.size - 1,
            "tokens": tokens.size,
            "dtype": dtype,
            "sha256": {name: hash_file(directory / name) for name in (TOKENS, OFFSETS)},
        }
        index["fingerprint"] = _fingerprint(index)
        (directory / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")

    def verify(self) -> None:
        """Read all and compare checksums.

        Raises:
            DataError: a file is not what was written.
        """
        for name, expected in self._index.sha256.items():
            if hash_file(self.directory / name) != expected:
                raise _damaged(self.directory / name, "its checksum is not that of what was written")


def _all_rise(offsets: npt.NDArray[np.int64]) -> bool:
    """Tell whether each number is above the one before, in bounded memory."""
    firsts = range(0, len(offsets), CHECKED)
    return all((np.diff(offsets[first : first + CHECKED + 1]) > 0).all() for first in firsts)


def dtype_of(vocab_size: int) -> str:
    """Return the type of ids below ``vocab_size``: of two bytes where that is enough."""
    return DTYPES[0] if vocab_size <= 1 << 16 else DTYPES[1]


class _ArrayFile:
    """A one-dimensional ``.npy`` file that grows; its length is known, and its header written, at the end."""

    def __init__(self, path: Path, dtype: str) -> None:
        self.dtype = dtype
        self.size = 0
        self._file = path.open("wb")
        self._file.write(bytes(_HEADER_BYTES))

    def append(self, values: npt.NDArray[np.int64]) -> None:
        """Write numbers (n,) behind those already there."""
        self._file.write(values.astype(self.dtype).tobytes())
        self.size += len(values)

    def __enter__(self) -> "_ArrayFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._file:
            self._file.seek(0)
            self._file.write(_header(self.dtype, self.size))


def _header(dtype: str, size: int) -> bytes:
    """Header of a ``.npy`` file, format 1.0, of fixed length whatever the size."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({size},), }}"
    prefix = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
    return prefix + text.ljust(_HEADER_BYTES - 11).encode("ascii") + b"\n"


def _map(path: Path, dtype: str, size: int) -> npt.NDArray[Any]:
    """Map a file that :class:`_ArrayFile` wrote."""
    header = _header(dtype, size)
    try:
        with open_regular(path) as file:
            found = file.read(_HEADER_BYTES)
        if found != header or path.stat().st_size != len(header) + size * np.dtype(dtype).itemsize:
            raise _damaged(path, f"it should hold {size} numbers of type {dtype} and does not")
        if size == 0:
            return np.empty(0, dtype=dtype)
        return np.asarray(np.memmap(path, dtype=dtype, mode="r", offset=len(header), shape=(size,)))
    except OSError as error:
        raise _damaged(path, str(error.strerror or error)) from error


def _read_index(path: Path) -> _Index:
    try:
        data = read_json(path)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise _damaged(path, "it does not describe a token store")
        if data.get("version") != VERSION:
            raise _damaged(path, f"it has format version {data.get('version')!s:.20}, this program reads {VERSION}")
        if data.get("fingerprint") != _fingerprint(data):
            raise _damaged(path, "its fingerprint does not fit its content")
        index = build(_Index, data, path)
    except DocumentError as error:
        raise _damaged(path, str(error)) from error
    if index.dtype not in DTYPES or min(index.sentences, index.tokens) < 0 or index.sha256.keys() != {TOKENS, OFFSETS}:
        raise _damaged(path, "it does not describe a token store")
    return index


def _fingerprint(index: dict[str, Any]) -> str:
    """Hash of the index, and through its checksums of all the store."""
    rest = {name: value for name, value in index.items() if name != "fingerprint"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{path}: cannot be used: {what}; delete the directory {path.parent}, it will be made again")


def flatten(sentences: Sequence[Sequence[int]]) -> Flat:
    """Return the tokens of all sentences, (n,), and the lengths, (N,)."""
    lengths = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))
    return np.fromiter(chain.from_iterable(sentences), dtype=np.int64, count=int(lengths.sum())), lengths


def _check(tokens: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], vocab_size: int) -> None:
    if np.any(lengths == 0):
        raise DataError("the tokenizer made a sentence without tokens: not even its end is there")
    wrong = tokens[(tokens < 0) | (tokens >= vocab_size)]
    if wrong.size:
        raise DataError(
            f"the tokenizer made the id {wrong[0]}, and its dictionary has {vocab_size} symbols: "
            "its encode() and its len() contradict each other"
        )
