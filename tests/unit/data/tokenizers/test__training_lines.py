from collections import Counter
from collections.abc import Iterator

import pytest

from seqtrain.data.tokenizers._training_lines import PIECE_OF_LINE, TrainingLines, drawn


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


def test_a_draw_is_of_so_many_lines_in_one_pass() -> None:
    read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        for read in range(1, 1001):
            yield str(read)

    found = list(drawn(lines(), 10, seed=1))
    assert (len(found), len(set(found)), read) == (10, 10, 1000)
    assert found == list(drawn(map(str, range(1, 1001)), 10, seed=1))
    assert found != list(drawn(map(str, range(1, 1001)), 10, seed=2))
    assert found == ["598", "310", "471", "459", "694", "652", "975", "363", "137", "666"]


@pytest.mark.parametrize("size", [3, 4])
def test_a_draw_of_all_lines(size: int) -> None:
    assert list(drawn(["a", "b", "c"], size, seed=1)) == ["a", "b", "c"]


def test_every_line_is_as_likely_as_any_other() -> None:
    counts = Counter(line for seed in range(4000) for line in drawn(map(str, range(20)), 5, seed))
    assert len(counts) == 20
    # 1000 each is expected, with a standard deviation of 27
    assert max(abs(count - 1000) for count in counts.values()) < 4 * 27
