from collections import Counter
from itertools import chain

import numpy as np
import pytest

from seqtrain.data import mixture
from seqtrain.data.mixture import Mixture, permuted, round_and_round
from seqtrain.errors import ConfigError


@pytest.mark.parametrize(
    ("temperature", "shares"),
    [
        (1.0, [0.9009, 0.0901, 0.0090]),
        (1.5, [0.7925, 0.1707, 0.0368]),
        (5.0, [0.4928, 0.3110, 0.1962]),
        (1e6, [0.3333, 0.3333, 0.3333]),
    ],
)
def test_shares_by_temperature(temperature: float, shares: list[float]) -> None:
    found = Mixture([1000, 100, 10], temperature=temperature)
    assert (found.expected / 1110).round(4).tolist() == shares


def test_plain_sets_are_seen_once_an_epoch() -> None:
    found = Mixture([3, 5])
    assert [sorted(found.select(epoch=epoch, seed=1).tolist()) for epoch in (1, 2)] == [list(range(8))] * 2


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({"weights": [2.0, 1.0]}, [6, 50]),
        ({"weights": [0.0, 1.0]}, [0, 50]),
        ({"weights": [4.0, 0.1]}, [12, 5]),
        ({"epoch_size": 106}, [6, 100]),
        ({"epoch_size": 12, "weights": [10.0, 0.6]}, [6, 6]),
        ({"epoch_size": 40, "temperature": 1e9}, [20, 20]),
    ],
)
def test_sentences_of_an_epoch(options: dict[str, object], counts: list[int]) -> None:
    found = Mixture([3, 50], **options)  # type: ignore[arg-type]  # values of several types
    numbers = found.select(epoch=3, seed=1)
    assert found.counts(3) == counts
    assert [int((numbers < 3).sum()), int((numbers >= 3).sum())] == counts


def test_what_does_not_come_out_even_comes_out_over_epochs() -> None:
    found = Mixture([3, 10], weights=[0.5, 1.0])  # one sentence and a half
    assert [found.counts(epoch)[0] for epoch in (1, 2, 3, 4)] == [2, 1, 2, 1]
    seen = [sorted(n for n in found.select(epoch=epoch, seed=1).tolist() if n < 3) for epoch in (1, 2, 3, 4)]
    assert list(map(len, seen)) == [2, 1, 2, 1]
    assert sorted(seen[0] + seen[1]) == sorted(seen[2] + seen[3]) == [0, 1, 2]


def test_all_of_a_set_is_seen_before_anything_twice() -> None:
    found = Mixture([100, 7], epoch_size=20, temperature=1e9)
    epochs = np.stack([found.select(epoch=epoch, seed=1) for epoch in range(1, 71)])
    first, second = epochs[epochs < 100], epochs[epochs >= 100]
    assert (len(first), len(second)) == (700, 700)
    for start in range(0, 700, 100):
        assert sorted(first[start : start + 100]) == list(range(100))
    for start in range(0, 700, 7):
        assert sorted(second[start : start + 7]) == list(range(100, 107))


def test_each_round_and_each_seed_has_an_order_of_its_own() -> None:
    def walk(seed: int) -> list[list[int]]:
        pieces = [round_and_round(1000, start, start + 10, seed).tolist() for start in range(0, 3000, 10)]
        return [list(chain(*pieces[first : first + 100])) for first in (0, 100, 200)]

    orders = [*walk(1), *walk(2)]
    assert all(sorted(order) == list(range(1000)) for order in orders)
    assert len(set(map(tuple, orders))) == 6


def test_sets_of_one_size_are_in_different_orders() -> None:
    numbers = Mixture([1000, 1000], epoch_size=1000).select(epoch=1, seed=1)
    assert set(numbers[numbers < 1000]) != set(numbers[numbers >= 1000] - 1000)


def test_an_epoch_does_not_depend_on_how_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = round_and_round(1000, 250, 3700, 5).tolist()
    monkeypatch.setattr(mixture, "CHUNK", 7)
    assert round_and_round(1000, 250, 3700, 5).tolist() == whole
    # A round that is taken at once is not put into its order.
    assert round_and_round(1000, 250, 999, 5).tolist() == whole[:749]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 257, 5000])
def test_permutations(size: int) -> None:
    halves = permuted(size, 0, size // 2, 9), permuted(size, size // 2, size, 9)
    assert sorted(np.concatenate(halves).tolist()) == list(range(size))


def test_every_order_is_as_likely() -> None:
    orders = Counter((*permuted(4, 0, 2, seed), *permuted(4, 2, 4, seed)) for seed in range(4800))
    assert len(orders) == 24
    # Chi-square with 23 degrees of freedom: above 41.6 in one of a hundred.
    assert sum((count - 200) ** 2 / 200 for count in orders.values()) < 41.6


def test_a_piece_is_spread_over_all() -> None:
    found = permuted(10**6, 300_000, 400_000, 1)
    hundredths = np.bincount(found // 10_000, minlength=100)
    assert ((hundredths - 1000) ** 2 / 1000).sum() < 135.8  # 99 degrees of freedom
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 0.01


def test_a_small_piece_of_very_many_sentences_is_cheap() -> None:
    found = Mixture([10**12, 10], epoch_size=1000).select(epoch=10**6, seed=1)
    assert len(set(found.tolist())) == 1000
    assert found.max() > 10**11


def test_the_same_arguments_give_the_same() -> None:
    # Written down: other numbers would give a resumed run other sentences.
    found = Mixture([10, 1000], epoch_size=6, temperature=1e9)
    assert found.select(epoch=2, seed=7).tolist() == [3, 6, 4, 754, 83, 120]


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ([3, 5], {"weights": [0.0, 0.0]}, "leaves nothing to train on"),
        ([0, 5], {"weights": [1.0, 0.0]}, "leaves nothing to train on"),
        ([30, 50], {"epoch_size": 1}, "an epoch would have 1 sentences of 2 training sets"),
        ([30, 50], {"epoch_size": 1 << 40}, r"an epoch would have 1.09951e\+12 sentences: lower task.epoch_size"),
        ([3000, 5000], {"weights": [1e9, 1.0]}, r"an epoch would have 3e\+12 sentences: .* or task.train_weights"),
    ],
)
def test_nothing_to_see(sizes: list[int], options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Mixture(sizes, **options)  # type: ignore[arg-type]  # values of several types
