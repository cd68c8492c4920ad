"""Word alignments of sentence pairs: which source tokens a target token belongs to.

A file has a line for each pair. One such as ``0-0 1-2`` links token 0 of the source with token 0 of the target, and 1
with 2: positions of tokens, subwords where the tokenizer makes such, without the end of sentence. A line may be empty.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqtrain.data.cache import cached
from seqtrain.data.sentences import Sentences
from seqtrain.data.store import Tokens, TokenStore
from seqtrain.data.text import hash_file, read_lines
from seqtrain.errors import DataError

END = 0
"""Stands behind the positions of each pair's links, since a store has no empty entries."""
NO_LINK = -1
"""Fills rows with fewer links than others."""


def index_alignments(files: Sequence[Path], source: Sentences, target: Sentences, cache_dir: Path) -> TokenStore:
    """Return the links of sentence pairs, from the cache or by way of it: source, target, source, target, ..., END.

    Raises:
        DataError: a line is no list of links between tokens that there are, or there is not one line for each pair.
    """
    key = {"files": [hash_file(file) for file in files], "text": [source.fingerprint, target.fingerprint]}
    return TokenStore(cached(cache_dir, "alignments", key, partial(_write, files, source, target)))


def gather_links(links: Tokens, ids: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the links (B, A, 2) of pairs (B,), source before target, filled with ``NO_LINK``.

    ``lengths`` (B, 2) are those of the two sides, ends of sentences included; links to what was cut off are left out.
    """
    flat, numbers = links.gather(ids)
    matrix = np.full((len(ids), numbers.max(initial=1)), NO_LINK, dtype=np.int64)
    matrix[np.arange(matrix.shape[1]) < numbers[:, None] - 1] = np.delete(flat, np.cumsum(numbers) - 1)
    pairs = matrix[:, :-1].reshape(len(ids), -1, 2)
    pairs[(pairs >= lengths[:, None] - 1).any(axis=2)] = NO_LINK
    return pairs


def _write(files: Sequence[Path], source: Sentences, target: Sentences, directory: Path) -> None:
    longest = max(int(side.lengths.max(initial=1)) for side in (source, target))
    TokenStore.write(directory, _entries(files, np.stack([source.lengths, target.lengths], axis=1)), longest + 1)


def _entries(files: Sequence[Path], lengths: npt.NDArray[np.int32]) -> Iterator[list[int]]:
    lines = ((f"{file}:{number}", line) for file in files for number, line in enumerate(read_lines(file), start=1))
    count = 0
    for count, (place, line) in enumerate(lines, start=1):
        if count > len(lengths):
            raise DataError(f"{place}: there is no such sentence pair: an alignment file has a line for each")
        yield [*_links(line, place, lengths[count - 1].tolist()), END]
    if count < len(lengths):
        names = ", ".join(map(str, files))
        raise DataError(f"{names}: {count} lines for {len(lengths)} sentence pairs: there must be one for each")


def _links(line: str, place: str, lengths: Sequence[int]) -> Iterator[int]:
    """Yield the positions in a line, source before target; ``lengths`` are of both sides with ends of sentences."""
    for link in line.split():
        if not re.fullmatch(r"[0-9]{1,9}-[0-9]{1,9}", link):
            raise DataError(f"{place}: {link!r:.40} is no link of token positions such as 0-0: SOURCE-TARGET, from 0")
        for side, position, length in zip(("source", "target"), map(int, link.split("-")), lengths, strict=True):
            if position >= length - 1:
                raise DataError(
                    f"{place}: {link} names token {position} of the {side}, which has {length - 1}: positions count "
                    "tokens as the tokenizer makes them, from 0; align the text as it is tokenised"
                )
            yield position
