from typing import Any

import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.triangular import Triangular, TriangularConfig
from seqtrain.optimizers.sgd import SGD


def rates(optimizer: SGD, numbers: range, **values: Any) -> list[float]:
    scheduler = Triangular(TriangularConfig(**values), optimizer)
    return [scheduler.lr_at(n) for n in numbers]


def test_up_and_down_and_lower_each_time(optimizer: SGD) -> None:
    found = rates(optimizer, range(9), max_lr=10.0, lr_period_updates=4, lr_shrink=0.5)
    assert found == [2.0, 6.0, 10.0, 6.0, 2.0, 3.5, 5.0, 3.5, 2.0]


def test_the_lowest_rate_shrinks_too(optimizer: SGD) -> None:
    found = rates(optimizer, range(9), max_lr=10.0, lr_period_updates=4, lr_shrink=0.5, shrink_min=True)
    assert found == [2.0, 6.0, 10.0, 6.0, 1.0, 3.0, 5.0, 3.0, 0.5]


def test_it_never_falls_below_the_lowest_rate(optimizer: SGD) -> None:
    # the second peak would be 1, half the lowest rate
    assert rates(optimizer, range(5, 9), max_lr=10.0, lr_period_updates=4) == [2.0, 2.0, 2.0, 2.0]


def test_a_period_that_is_odd(optimizer: SGD) -> None:
    found = rates(optimizer, range(7), max_lr=5.0, lr_period_updates=3, lr_shrink=1.0)
    assert found == pytest.approx([2.0, 4.0, 4.0, 2.0, 4.0, 4.0, 2.0], rel=1e-12)


def test_the_default_peak_is_ten_times_the_lowest_rate(optimizer: SGD) -> None:
    assert rates(optimizer, range(0, 5001, 2500)) == [2.0, 20.0, 2.0]


@pytest.mark.parametrize("max_lr", [1.0, 2.0])
def test_a_peak_that_is_none(optimizer: SGD, max_lr: float) -> None:
    with pytest.raises(ConfigError, match=rf"lr_scheduler.max_lr={max_lr:g} must be above optimizer.lr=2, the lowest"):
        Triangular(TriangularConfig(max_lr=max_lr), optimizer)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_lr": 0.0}, "TriangularConfig.max_lr=0.0 must be above 0"),
        ({"lr_period_updates": 1}, "TriangularConfig.lr_period_updates=1 must be at least 2"),
        ({"lr_shrink": 0.0}, "TriangularConfig.lr_shrink=0.0 must be above 0 and at most 1"),
    ],
)
def test_ranges(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        TriangularConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
