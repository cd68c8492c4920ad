import pytest

from seqtrain.metrics.edit_distance import edit_distance


@pytest.mark.parametrize(
    ("hypothesis", "reference", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("kitten", "sitting", 3),  # k to s, e to i, a g more
        ("sitting", "kitten", 3),
        ("ab", "ba", 2),
        ("abcd", "bcd", 1),
    ],
)
def test_by_hand(hypothesis: str, reference: str, distance: int) -> None:
    assert edit_distance([*map(ord, hypothesis)], [*map(ord, reference)]) == distance
