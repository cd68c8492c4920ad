from collections.abc import Iterator

import pytest

from seqtrain.data.tokenizers._training_lines import PIECE_OF_LINE, TrainingLines


def test_long_lines_come_in_pieces_and_empty_ones_not_at_all() -> None:
    long = "a" * PIECE_OF_LINE + "b"
    assert list(TrainingLines(["x", "", long])) == ["x", long[:-1], "b"]


def test_the_error_of_reading_is_kept() -> None:
    def failing() -> Iterator[str]:
        yield "x"
        raise ValueError("gone")

    lines = TrainingLines(failing())
    with pytest.raises(ValueError, match="gone"):
        list(lines)
    assert str(lines.error) == "gone"
