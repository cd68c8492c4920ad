"""Subword sampling: other segmentations of the same words, drawn with random numbers that depend on a seed alone.

SentencePiece can sample too, but from version 0.2.2 on its numbers differ from process to process, whatever the seed;
and no two of its versions need agree.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import add

import numpy as np

Segment = Callable[[str, Iterator[float]], list[str]]
"""Returns the pieces of a word, drawn with numbers from 0 to below 1."""
Merge = Callable[[Sequence[str], Iterator[float]], list[str]]
"""Returns the pieces that the symbols of a word, such as its characters, are merged to."""

WORD_START = "\u2581"
"""What SentencePiece writes for a space: no piece crosses one."""
LONGEST_WORD = 20
"""Pieces, as plainly encoded, that are segmented together; text without spaces is cut behind so many."""
KEPT_WORDS = 20_000
"""Words whose possible segmentations are kept in memory."""
BLOCK = 4096
"""Random numbers made at a time."""


def uniform(seed: int) -> Iterator[float]:
    """Yield numbers from 0 to below 1 without end, from raw bits, whose stream NumPy promises to keep."""
    bits = np.random.Philox(np.random.SeedSequence(seed))
    while True:
        yield from ((bits.random_raw(BLOCK) >> np.uint64(11)) * 2.0**-53).tolist()


def bpe_dropout(scores: Mapping[str, float], dropout: float) -> Merge:
    """Return BPE-dropout (Provilkov et al., 2020, algorithm 1).

    From characters on, the best merge is made again and again, but each possible one is left out of account with
    probability ``dropout``, anew each time; it ends when none is left. ``scores`` has the score of each piece: of two
    neighbours that make a piece, those that make the best are merged.
    """

    def merge(symbols: Sequence[str], random: Iterator[float]) -> list[str]:
        pieces = list(symbols)
        while merges := [
            (-scores[piece], left)
            for left, piece in enumerate(map(add, pieces, pieces[1:]))
            if piece in scores and next(random) >= dropout
        ]:
            _, left = min(merges)
            pieces[left : left + 2] = [pieces[left] + pieces[left + 1]]
        return pieces

    return merge


def unigram_sampling(scores: Mapping[str, float], alpha: float) -> Segment:
    r"""Return sampling from a unigram language model (Kudo, 2018, section 3.2), from all segmentations of a word.

    One with pieces :math:`x_1, \dots, x_m` has a probability in proportion to :math:`\prod_i p(x_i)^\alpha`; ``scores``
    has :math:`\log p` of each piece. Its last piece is drawn first.
    """
    longest = max(map(len, scores), default=0)

    @lru_cache(KEPT_WORDS)
    def last_pieces(word: str) -> list[tuple[list[int], list[float]]]:
        """Return, for each end, where its last piece may start, and the probabilities of these, added up."""
        totals, found = [0.0], [([0], [1.0])]
        for end in range(1, len(word) + 1):
            starts = [s for s in range(max(0, end - longest), end) if word[s:end] in scores and totals[s] > -math.inf]
            logs = [totals[start] + alpha * scores[word[start:end]] for start in starts]
            totals.append(_log_sum(logs))
            found.append((starts, list(accumulate(math.exp(x - totals[end]) for x in logs))))
        return found

    def segment(word: str, random: Iterator[float]) -> list[str]:
        pieces, end, table = [], len(word), last_pieces(word)
        while end:
            starts, probabilities = table[end]
            start = starts[bisect_right(probabilities, next(random), hi=len(starts) - 1)] if starts else 0
            pieces.append(word[start:end])
            end = start
        return pieces[::-1]

    return segment


class SubwordSampler:
    """Draws other segmentations of text that is encoded already.

    Args:
        pieces: the text of each id; None for one that stays as it is.
        segment: draws the pieces of a word.
    """

    def __init__(self, pieces: Sequence[str | None], segment: Segment) -> None:
        self._pieces = pieces
        self._ids = {piece: id for id, piece in enumerate(pieces) if piece is not None}
        self._segment = segment

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        """Return other ids for the same text; a pure function of its arguments."""
        random, sampled, word = uniform(seed), list[int](), list[int]()
        for id in ids:
            piece = self._pieces[id]
            if piece is None or piece[0] == WORD_START or len(word) == LONGEST_WORD:
                sampled += self._sample_word(word, random)
                word = []
            if piece is None:
                sampled.append(id)
            else:
                word.append(id)
        return sampled + self._sample_word(word, random)

    def _sample_word(self, ids: list[int], random: Iterator[float]) -> list[int]:
        """Return other ids for a word; the same if a piece that was drawn, such as a rare character, has none."""
        if not ids:
            return ids
        word = "".join(self._pieces[id] or "" for id in ids)
        sampled = [self._ids.get(piece) for piece in self._segment(word, random)]
        return ids if None in sampled else [id for id in sampled if id is not None]


def _log_sum(logs: Sequence[float]) -> float:
    """Return the logarithm of the sum of numbers, given by their logarithms."""
    most = max(logs, default=-math.inf)
    return most if most == -math.inf else most + math.log(sum(math.exp(x - most) for x in logs))
