import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.step import Step, StepConfig
from seqtrain.optimizers.sgd import SGD


@pytest.mark.parametrize(("num_updates", "lr"), [(0, 2.0), (2, 2.0), (3, 1.0), (5, 1.0), (6, 0.5), (9, 0.25)])
def test_stairs(optimizer: SGD, num_updates: int, lr: float) -> None:
    assert Step(StepConfig(lr_decay_period=3), optimizer).lr_at(num_updates) == lr


@pytest.mark.parametrize(
    ("num_updates", "lr"),
    [(0, 0.4), (1, 0.8), (3, 1.6), (4, 2.0), (6, 2.0), (7, 0.8), (9, 0.8), (10, 0.4), (12, 0.4), (13, 0.4)],
)
def test_stairs_after_a_warm_up_from_the_lowest_rate_down_to_it(optimizer: SGD, num_updates: int, lr: float) -> None:
    # 2, 0.8, and 0.32, which is below 0.4
    cfg = StepConfig(warmup_updates=4, lr_decay_period=3, lr_decay=0.4, min_lr=0.4)
    assert Step(cfg, optimizer).lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


def test_the_default_halves_every_25000_updates(optimizer: SGD) -> None:
    scheduler = Step(StepConfig(), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 24999, 25000, 50000)] == [2.0, 2.0, 1.0, 0.5]


def test_a_rate_falls_to_nothing_without_an_error(optimizer: SGD) -> None:
    assert Step(StepConfig(lr_decay_period=1), optimizer).lr_at(10**6) == 0.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr_decay_period": 0}, "StepConfig.lr_decay_period=0 must be at least 1"),
        ({"lr_decay": 1.5}, "StepConfig.lr_decay=1.5 must be above 0 and at most 1"),
        ({"min_lr": -1.0}, "StepConfig.min_lr=-1.0 must be at least 0"),
    ],
)
def test_ranges(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        StepConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message


def test_a_lowest_rate_above_the_highest(optimizer: SGD) -> None:
    with pytest.raises(ConfigError, match=r"lr_scheduler.min_lr=3 is above optimizer.lr=2"):
        Step(StepConfig(min_lr=3.0), optimizer)
