"""Lines as SentencePiece's training takes them."""

from collections.abc import Iterable, Iterator

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
