from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.flat_ids import CheckedIds, JoinedIds, PartOfIds
from seqtrain.errors import DataError

OFFSETS = np.array([0, 3, 4, 7])


def checked(*ids: int) -> CheckedIds:
    return CheckedIds(np.array(ids, dtype=np.uint16), OFFSETS, Path("train.bin"), 10)


def test_positions_of_any_shape() -> None:
    both = JoinedIds([checked(4, 5, 2, 2, 6, 7, 2), np.array([300, 301])])
    positions = np.array([[0, 8, 1], [7, 6, 6]])
    assert both[positions].tolist() == [[4, 301, 5], [300, 2, 2]]
    assert (both[positions].dtype, len(both)) == (np.dtype(np.int64), 9)
    assert both[5:8].tolist() == [7, 2, 300]
    assert both[:].tolist() == [4, 5, 2, 2, 6, 7, 2, 300, 301]


@pytest.mark.parametrize("key", [slice(0, 7), slice(4, 6), np.array([0, 5]), np.array([[3, 4], [5, 5]])])
def test_the_sentence_of_a_wrong_id(key: slice) -> None:
    with pytest.raises(
        DataError, match=r"^train.bin: sentence 3, counted from 1, has the id 77, and the dictionary 10"
    ):
        checked(4, 5, 2, 2, 6, 77, 2)[key]


def test_what_is_not_read_is_not_checked() -> None:
    assert checked(4, 5, 2, 2, 6, 77, 2)[0:5].tolist() == [4, 5, 2, 2, 6]


def test_a_part() -> None:
    part = PartOfIds(JoinedIds([checked(4, 5, 2, 2, 6, 7, 2), np.array([300, 301])]), 3, 8)
    assert part[:].tolist() == [2, 6, 7, 2, 300]
    assert part[2:4].tolist() == [7, 2]
    assert part[np.array([[4, 0], [1, 1]])].tolist() == [[300, 2], [6, 6]]
    assert (part.dtype, len(part)) == (np.dtype(np.int64), 5)


def test_types_that_no_type_of_integers_has_room_for() -> None:
    both = JoinedIds([np.array([4, 2], dtype=np.int64), np.array([5, 2], dtype=np.uint64)])
    assert (both[1:3].tolist(), both[1:3].dtype) == ([2, 5], np.dtype(np.int64))
