"""The words of a line of tokens, whatever its tokens are, and their log-probabilities."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

import torch

from seqtrain.base import Dictionary

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What the first tokens of a character are decoded as that has several, as of bytes."""
CONTEXT = 32
"""Tokens that are decoded to see what the last of them adds to a text: those of several words."""


class Word(NamedTuple):
    """A word of a line, or the end of the line, and its log-probability in nats."""

    text: str
    log_prob: float


class ScoredLine(NamedTuple):
    """A line of text, token by token."""

    ids: list[int]
    log_probs: list[float]


def words_of(line: ScoredLine, dictionary: Dictionary) -> list[Word]:
    """Return the words of a line, whatever its tokens are, and its end, ``</s>``; tags in front are words.

    A token that begins with whitespace, as the line is decoded, begins a word: spaces belong to the word behind them.
    """
    ids, log_probs = line
    in_front = takewhile(lambda id: not dictionary.is_text(torch.tensor(id)), ids[:-1])
    tags = [Word(dictionary.symbol(id), log_prob) for id, log_prob in zip(in_front, log_probs, strict=False)]
    words = list[Word]()
    for added, log_prob in zip(_pieces(ids[len(tags) : -1], dictionary), log_probs[len(tags) :], strict=False):
        if words and not (added[:1].isspace() and words[-1].text.strip()):
            word = words.pop()
            words.append(Word(word.text + added, word.log_prob + log_prob))
        else:
            words.append(Word(added, log_prob))
    return [*tags, *(Word(word.text.strip(), word.log_prob) for word in words), Word("</s>", log_probs[-1])]


def _pieces(ids: Sequence[int], dictionary: Dictionary) -> Iterator[str]:
    """Yield what each token of a line adds to its text."""
    for end in range(1, len(ids) + 1):
        seen = ids[max(0, end - CONTEXT) : end]
        before, text = (dictionary.decode(part).rstrip(UNFINISHED) for part in (seen[:-1], seen))
        yield text.removeprefix(before)
