"""Where a text is cut into blocks: fairseq's break modes, without a loop over tokens.

Sentence i is ``[offsets[i], offsets[i + 1])`` of the text's tokens, its end of sentence included. A sentence of
nothing but its end, an empty line, is the boundary between two documents.
"""

from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

BOUNDARY = 1
"""Tokens of a sentence that is a boundary between documents."""


class BreakMode(str, Enum):
    """Where blocks end."""

    none = "none"
    complete = "complete"
    complete_doc = "complete_doc"
    eos = "eos"


class Cuts(NamedTuple):
    """Blocks of a text: block i has the tokens ``[starts[i], ends[i])``."""

    starts: Ints
    ends: Ints


def cut_text(offsets: Ints, mode: BreakMode, size: int, shift: int = 0) -> Cuts:
    """Cut a text into blocks, in order.

    * ``none``: ``size`` tokens each, across sentences; with a ``shift`` the first block has only so many.
    * ``complete``: as many whole sentences as fit into ``size`` tokens; a longer sentence is a block.
    * ``complete_doc``: the same, and no block crosses a boundary; boundaries are in no block.
    * ``eos``: a sentence each.
    """
    if mode is BreakMode.none:
        starts = np.arange(shift or size, offsets[-1], size)
        return _between(np.concatenate([[0], starts]), offsets[-1])
    if mode is BreakMode.eos:
        return Cuts(offsets[:-1], offsets[1:])
    return _cut_sentences(offsets, size, apart=mode is BreakMode.complete_doc)


def split_long(cuts: Cuts, limit: int) -> Cuts:
    """Cut blocks of over ``limit`` tokens into pieces of so many; the last piece has what is left."""
    pieces = -(-(cuts.ends - cuts.starts) // limit)
    before = np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = np.repeat(cuts.starts, pieces) + limit * (np.arange(len(before)) - before)
    return Cuts(starts, np.minimum(starts + limit, np.repeat(cuts.ends, pieces)))


def document_starts(offsets: Ints) -> Ints:
    """Return where documents but the first start: after each boundary, (documents - 1,)."""
    starts: Ints = offsets[1:][np.diff(offsets) == BOUNDARY]
    return starts


def _between(starts: Ints, end: int) -> Cuts:
    return Cuts(starts, np.append(starts[1:], end))


def _cut_sentences(offsets: Ints, size: int, apart: bool) -> Cuts:
    """Take whole sentences while they fit into ``size``; with ``apart`` end at boundaries, and leave those out."""
    sentences = np.arange(len(offsets) - 1)
    ends = np.searchsorted(offsets, offsets[:-1] + size, side="right") - 1
    boundaries = (np.diff(offsets) == BOUNDARY) & apart
    next_boundary = np.minimum.accumulate(np.where(boundaries, sentences, len(sentences))[::-1])[::-1]
    ends = np.maximum(np.minimum(ends, next_boundary), sentences + 1)
    firsts = _follow(ends)
    cuts = _between(offsets[firsts], offsets[-1])
    kept = ~boundaries[firsts]
    return Cuts(cuts.starts[kept], cuts.ends[kept])


def _follow(ends: Ints) -> Ints:
    """Return the first sentence of each block, given for every sentence where a block that began there would end."""
    firsts, where, step = [], 0, ends.tolist()
    while where < len(step):
        firsts.append(where)
        where = step[where]
    return np.array(firsts, dtype=np.int64)
