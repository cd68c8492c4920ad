import pytest
import torch
from torch import Tensor

from seqtrain.nn.cache import FIRST_SIZE, Cache, KeysValues


def keys_values(rows: int, length: int) -> KeysValues:
    return KeysValues(*torch.randn(2, rows, 3, length, 4).unbind(0))


def cache_of(new: KeysValues) -> Cache:
    cache = Cache(torch.empty(len(new.keys), 0, 2, 3, 4))
    cache.extend(new)
    return cache


def assert_filled(cache: Cache, expected: list[Tensor]) -> None:
    for found, part in zip(cache.filled, expected, strict=True):
        torch.testing.assert_close(found, part, rtol=0, atol=0)


@pytest.mark.parametrize("lengths", [[1] * 40, [3, 20, 1, 40]])
def test_it_holds_what_it_was_given_however_long_it_grows(lengths: list[int]) -> None:
    parts = [keys_values(2, length) for length in lengths]
    cache = Cache(torch.empty(2, 0, 2, 3, 4))
    for number, part in enumerate(parts, start=1):
        so_far = cache.extend(part)
        expected = [torch.cat(each, 2) for each in zip(*parts[:number], strict=True)]
        assert_filled(cache, expected)
        assert cache.length == so_far.keys.size(2) == expected[0].size(2)


@pytest.mark.parametrize("order", [[2, 0, 1], [1, 1, 1], [2], [0, 1, 2, 2, 0]])
@pytest.mark.parametrize("length", [1, FIRST_SIZE, FIRST_SIZE + 1])
def test_reorder_picks_repeats_drops_and_adds_rows(order: list[int], length: int) -> None:
    first, second = keys_values(3, length), keys_values(len(order), 1)
    cache, rows = cache_of(first), torch.tensor(order)
    cache.reorder(rows)
    assert_filled(cache, [part[rows] for part in first])
    cache.extend(second)
    cache.reorder(torch.arange(len(order)).flip(0))
    assert_filled(cache, [torch.cat([a[rows], b], 2).flip(0) for a, b in zip(first, second, strict=True)])


def test_an_empty_one_is_reordered() -> None:
    cache, new = Cache(torch.empty(2, 0, 2, 3, 4)), keys_values(5, 1)
    cache.reorder(torch.tensor([0, 0, 1, 1, 1]))
    cache.extend(new)
    assert_filled(cache, [*new])


def test_reordering_goes_to_and_fro_between_two_pieces_of_memory() -> None:
    cache, order = cache_of(keys_values(4, 2)), torch.tensor([1, 0, 3, 2])
    seen = []
    for _ in range(6):
        cache.reorder(order)
        cache.extend(keys_values(4, 1))
        seen.append(cache.filled.keys.data_ptr())
    assert len(set(seen)) == 2


def test_there_is_at_most_twice_the_room_that_is_needed() -> None:
    cache = cache_of(keys_values(2, FIRST_SIZE))
    for length in range(FIRST_SIZE + 1, 5 * FIRST_SIZE):
        cache.extend(keys_values(2, 1))
        assert cache.filled.keys.untyped_storage().nbytes() < 2 * length * 2 * 2 * 3 * 4 * 4


def test_rows_are_reordered_where_gradients_are_kept_too() -> None:
    first = KeysValues(*(part.requires_grad_() for part in keys_values(3, 2)))
    cache, rows = cache_of(first), torch.tensor([2, 0])
    cache.reorder(rows)
    assert_filled(cache, [part[rows] for part in first])
    second = keys_values(2, 1)
    cache.extend(second)
    assert_filled(cache, [torch.cat([old[rows], new], 2) for old, new in zip(first, second, strict=True)])
