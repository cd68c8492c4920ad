"""Lines as SentencePiece's training takes them."""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

PIECE_OF_LINE = 4096
"""Characters in which a line is handed to training; SentencePiece drops lines over a limit, silently."""


class TrainingLines:
    """Lines for SentencePiece, long ones in pieces; keeps the error of reading that its C++ code would replace."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            for line in self._lines:
                for start in range(0, len(line), PIECE_OF_LINE):
                    yield line[start : start + PIECE_OF_LINE]
        except Exception as error:
            self.error = error
            raise


def drawn(lines: Iterable[str], size: int, seed: int) -> Iterator[str]:
    """Yield ``size`` lines drawn by chance, each as likely as any other; all lines where there are no more.

    They are read once, and no more than ``size`` of them are held (algorithm L of Li, 1994): it draws how many lines to
    skip until one takes the place of another.
    """
    random, unread = Random(seed), iter(lines)
    kept = list(islice(unread, size))
    share = 1.0
    while len(kept) == size:
        share *= math.exp(math.log(_uniform(random)) / size)
        skipped = int(math.log(_uniform(random)) / math.log1p(-share))
        line = next(islice(unread, skipped, None), None)
        if line is None:
            break
        kept[int(_uniform(random) * size)] = line
    yield from kept


def _uniform(random: Random) -> float:
    """Return a number between 0 and 1, and neither of them, from bits whose stream Python promises to keep."""
    return (random.getrandbits(52) + 0.5) / (1 << 52)
