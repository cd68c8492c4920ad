from typing import Any

import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.warmup_stable_decay import DecayShape, WarmupStableDecay, WarmupStableDecayConfig
from seqtrain.optimizers.sgd import SGD
from seqtrain.testing.configs import default_config


def rates(optimizer: SGD, **values: Any) -> list[float]:
    """Rates after 0 to 11 updates with a warm-up of 2, a decay from 6 to 10, of 10 updates."""
    cfg = WarmupStableDecayConfig(warmup_updates=2, total_num_update=10, decay_ratio=0.4, **values)
    return [WarmupStableDecay(cfg, optimizer).lr_at(n) for n in range(12)]


@pytest.mark.parametrize(
    ("shape", "decay"),
    [
        # 2 times 1 - x, 1 - sqrt(x), (1 + cos(pi x)) / 2 at a quarter, a half, three quarters
        (DecayShape.linear, [1.5, 1.0, 0.5]),
        (DecayShape.sqrt, [1.0, 0.5857864376269049, 0.2679491924311228]),
        (DecayShape.cosine, [1.7071067811865475, 1.0, 0.29289321881345254]),
    ],
)
def test_the_shapes_of_the_decay(optimizer: SGD, shape: DecayShape, decay: list[float]) -> None:
    expected = [0.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, *decay, 0.0, 0.0]
    assert rates(optimizer, decay_shape=shape) == pytest.approx(expected, abs=1e-12)


def test_to_a_final_rate(optimizer: SGD) -> None:
    found = rates(optimizer, warmup_init_lr=0.5, end_learning_rate=0.4)
    assert found == pytest.approx([0.5, 1.25, 2.0, 2.0, 2.0, 2.0, 2.0, 1.6, 1.2, 0.8, 0.4, 0.4], rel=1e-12)


def test_a_decay_has_at_least_one_update(optimizer: SGD) -> None:
    scheduler = WarmupStableDecay(WarmupStableDecayConfig(total_num_update=4), optimizer)
    assert [scheduler.lr_at(n) for n in range(5)] == [2.0, 2.0, 2.0, 2.0, 0.0]


def test_all_of_it_decays(optimizer: SGD) -> None:
    scheduler = WarmupStableDecay(WarmupStableDecayConfig(total_num_update=4, decay_ratio=1.0), optimizer)
    assert [scheduler.lr_at(n) for n in range(5)] == [2.0, 1.5, 1.0, 0.5, 0.0]


def test_a_run_within_the_warm_up_only_rises(optimizer: SGD) -> None:
    scheduler = WarmupStableDecay(WarmupStableDecayConfig(warmup_updates=8, total_num_update=4), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 3, 4, 8)] == [0.0, 0.75, 1.0, 0.0]


def test_the_end_is_that_of_training() -> None:
    assert default_config(WarmupStableDecayConfig).decay_start() == 90


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"total_num_update": 0},
            "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update",
        ),
        (
            {"warmup_updates": 8, "total_num_update": 10, "decay_ratio": 0.3},
            "lr_scheduler.warmup_updates=8 is over only after the decay begins, at update 7: lower it or "
            "lr_scheduler.decay_ratio",
        ),
        ({"decay_ratio": 0.0}, "WarmupStableDecayConfig.decay_ratio=0.0 must be above 0 and at most 1"),
        ({"end_learning_rate": -1.0}, "WarmupStableDecayConfig.end_learning_rate=-1.0 must be at least 0"),
    ],
)
def test_what_cannot_be(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        WarmupStableDecayConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
