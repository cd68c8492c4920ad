import numpy as np
import pytest

from seqtrain.data.sentences import joined
from seqtrain.data.store import Tokens

FIRST = Tokens.from_sentences([[5, 6, 2], [2]])
NONE = Tokens.from_sentences([])
SECOND = Tokens.from_sentences([[7, 8, 9, 2], [300, 2]])
JOINED = joined([FIRST, NONE, SECOND], [[], [40], [70_000, 41]])


def gathered(ids: list[int], max_length: int | None = None) -> tuple[list[int], list[int]]:
    flat, lengths = JOINED.gather(np.array(ids, dtype=np.int64), max_length)
    return flat.tolist(), lengths.tolist()


def test_sentences_of_several_stores_with_their_beginnings() -> None:
    assert len(JOINED) == 4
    assert JOINED.lengths.tolist() == [3, 1, 6, 4]
    assert [JOINED[number].tolist() for number in range(4)] == [
        [5, 6, 2], [2], [70_000, 41, 7, 8, 9, 2], [70_000, 41, 300, 2],
    ]  # fmt: skip


def test_gathered_in_any_order_and_any_number() -> None:
    assert gathered([3, 0, 3, 1]) == ([70_000, 41, 300, 2, 5, 6, 2, 70_000, 41, 300, 2, 2], [4, 3, 4, 1])
    assert gathered([]) == ([], [])


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1, ([5, 70_000, 2], [1, 1, 1])),
        (2, ([5, 6, 70_000, 41, 2], [2, 2, 1])),
        (4, ([5, 6, 2, 70_000, 41, 7, 8, 2], [3, 4, 1])),
    ],
)
def test_long_ones_are_cut_and_keep_their_beginning(limit: int, expected: tuple[list[int], list[int]]) -> None:
    assert gathered([0, 2, 1], limit) == expected


def test_a_beginning_does_not_fill_an_empty_sentence() -> None:
    assert joined([FIRST, FIRST], [[], [9]]).are_empty(np.arange(4)).tolist() == [False, True, False, True]


def test_what_is_joined_and_begun_makes_the_fingerprint() -> None:
    variants = [
        joined([FIRST, SECOND], [[], []]),
        joined([SECOND, FIRST], [[], []]),
        joined([FIRST, SECOND], [[], [4]]),
    ]
    assert len({sentences.fingerprint for sentences in variants}) == 3


def test_one_store_alone_stays_as_it_is() -> None:
    assert joined([FIRST], [[]]) is FIRST
    assert joined([FIRST], [[4]])[0].tolist() == [4, 5, 6, 2]


@pytest.mark.parametrize("index", [-1, 4])
def test_no_such_sentence(index: int) -> None:
    with pytest.raises(IndexError, match=f"sentence {index} of 4"):
        JOINED[index]
