"""Text to tokens: indexed once into the cache, and encoded by chance for an epoch from there.

Both go through the sentences in windows, so that what is held in memory as Python objects stays bounded.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqtrain.base import Dictionary
from seqtrain.data.cache import cached
from seqtrain.data.chunks import chunked
from seqtrain.data.reading import reading
from seqtrain.data.seeds import derive_seed
from seqtrain.data.sentences import Sentences
from seqtrain.data.store import Flat, Tokens, TokenStore, dtype_of, flatten
from seqtrain.data.text import hash_file, read_lines
from seqtrain.errors import DataError

WINDOW = 10_000
"""Sentences encoded at a time. With sampling each window has its seed: another number would give other encodings."""


def lines_of(files: Iterable[Path]) -> Iterator[str]:
    """Yield the lines of files, one after the other."""
    return chain.from_iterable(map(read_lines, files))


def index(files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> TokenStore:
    """Return the tokens of text files, from the cache or by way of it."""
    key = {"text": [hash_file(file) for file in files], "dictionary": dictionary.fingerprint}
    return TokenStore(cached(cache_dir, "tokens", key, partial(_write_store, files, dictionary)))


def sample(plain: Sentences, numbers: npt.NDArray[np.int64], dictionary: Dictionary, *seed: int) -> Tokens:
    """Return sentences (N,) encoded by chance, in memory: a pure function of the arguments.

    Raises:
        DataError: the dictionary's ``sample`` makes or loses ends of sentences.
    """
    dtype = dtype_of(len(dictionary))
    tokens = [np.empty(0, dtype)]
    for number, first in enumerate(range(0, len(numbers), WINDOW)):
        window, _ = plain.gather(numbers[first : first + WINDOW])
        sampled = dictionary.sample(window.tolist(), derive_seed("subwords", *seed, number))
        tokens.append(np.array(sampled, dtype))
    flat = np.concatenate(tokens)
    offsets = np.append(0, np.flatnonzero(flat == dictionary.eos) + 1)
    if len(offsets) != len(numbers) + 1 or offsets[-1] != len(flat):
        raise DataError(f"{type(dictionary).__name__}.sample() does not keep the {len(numbers)} ends of sentences")
    return Tokens(flat, offsets, hashlib.sha256(flat.data).hexdigest())


def _write_store(files: Sequence[Path], dictionary: Dictionary, directory: Path) -> None:
    with reading(files) as watch:
        lines = chain.from_iterable(read_lines(file, watch) for file in files)
        encoded = map(dictionary.encode_lines, chunked(lines, WINDOW))
        TokenStore.write_chunks(directory, (_ended(*flatten(ids), dictionary.eos) for ids in encoded), len(dictionary))


def _ended(tokens: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], eos: int) -> Flat:
    """Put the end of sentence behind each sentence."""
    return np.insert(tokens, np.cumsum(lengths), eos), lengths + 1
