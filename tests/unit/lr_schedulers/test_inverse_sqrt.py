import math

import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.inverse_sqrt import InverseSqrt, InverseSqrtConfig
from seqtrain.optimizers.sgd import SGD


@pytest.mark.parametrize(
    ("num_updates", "lr"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0), (9, 4 / 3), (16, 1.0), (400, 0.2)]
)
def test_warm_up_from_zero(optimizer: SGD, num_updates: int, lr: float) -> None:
    scheduler = InverseSqrt(InverseSqrtConfig(warmup_updates=4), optimizer)
    assert scheduler.lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


@pytest.mark.parametrize(("num_updates", "lr"), [(0, 0.4), (1, 0.8), (2, 1.2), (3, 1.6), (4, 2.0), (16, 1.0)])
def test_warm_up_from_another_rate(optimizer: SGD, num_updates: int, lr: float) -> None:
    scheduler = InverseSqrt(InverseSqrtConfig(warmup_updates=4, warmup_init_lr=0.4), optimizer)
    assert scheduler.lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


@pytest.mark.parametrize(("num_updates", "lr"), [(0, 2.0), (1, 2.0), (2, math.sqrt(2)), (4, 1.0), (100, 0.2)])
def test_no_warm_up(optimizer: SGD, num_updates: int, lr: float) -> None:
    scheduler = InverseSqrt(InverseSqrtConfig(warmup_updates=0), optimizer)
    assert scheduler.lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


def test_the_defaults_warm_up_for_4000_updates(optimizer: SGD) -> None:
    scheduler = InverseSqrt(InverseSqrtConfig(), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 2000, 4000, 16000)] == pytest.approx([0.0, 1.0, 2.0, 1.0], rel=1e-12)


def test_the_peak_is_the_optimizers_rate_when_the_scheduler_was_built(optimizer: SGD) -> None:
    scheduler = InverseSqrt(InverseSqrtConfig(warmup_updates=4), optimizer)
    scheduler.step_update(1)
    assert optimizer.lr == 0.5
    assert scheduler.step_update(4) == 2.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"warmup_updates": -1}, "InverseSqrtConfig.warmup_updates=-1 must be at least 0"),
        ({"warmup_init_lr": -1}, "InverseSqrtConfig.warmup_init_lr=-1 must be at least 0"),
    ],
)
def test_ranges(values: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        InverseSqrtConfig(**values)
    assert str(error.value) == message
