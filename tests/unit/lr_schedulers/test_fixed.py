import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.fixed import Fixed, FixedConfig
from seqtrain.optimizers.sgd import SGD


def rates(cfg: FixedConfig, optimizer: SGD, epochs: int = 5) -> list[float]:
    """Rate of each epoch."""
    scheduler = Fixed(cfg, optimizer)
    scheduler.step_update(0)
    found = []
    for epoch in range(1, epochs + 1):
        found.append(optimizer.lr)
        scheduler.step(epoch, None)
    return found


def test_the_default_is_constant(optimizer: SGD) -> None:
    scheduler = Fixed(FixedConfig(), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 1, 10**6)] == [2.0, 2.0, 2.0]
    assert rates(FixedConfig(), optimizer) == [2.0] * 5


def test_a_rate_for_each_epoch(optimizer: SGD) -> None:
    assert rates(FixedConfig(lr_per_epoch=[3.0, 1.0, 0.5]), optimizer) == [3.0, 1.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("force_anneal", "expected"),
    [(1, [1.0, 0.5, 0.25, 0.125, 0.0625]), (3, [2.0, 2.0, 1.0, 0.5, 0.25]), (6, [2.0] * 5)],
)
def test_annealing(optimizer: SGD, force_anneal: int, expected: list[float]) -> None:
    assert rates(FixedConfig(force_anneal=force_anneal, lr_shrink=0.5), optimizer) == expected


def test_annealing_starts_from_the_lists_last_rate(optimizer: SGD) -> None:
    cfg = FixedConfig(lr_per_epoch=[8.0, 4.0, 2.0], force_anneal=2, lr_shrink=0.5)
    assert rates(cfg, optimizer) == [8.0, 1.0, 0.5, 0.25, 0.125]


def test_warm_up(optimizer: SGD) -> None:
    scheduler = Fixed(FixedConfig(warmup_updates=4), optimizer)
    assert [scheduler.lr_at(n) for n in range(6)] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_warm_up_goes_on_over_the_end_of_an_epoch(optimizer: SGD) -> None:
    scheduler = Fixed(FixedConfig(warmup_updates=4, lr_per_epoch=[2.0, 1.0]), optimizer)
    scheduler.step_update(1)
    assert optimizer.lr == 1.0
    scheduler.step(1, 3.5)
    assert optimizer.lr == 0.5
    assert scheduler.step_update(2) == 0.75


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"force_anneal": 0}, "FixedConfig.force_anneal=0 must be at least 1"),
        ({"lr_shrink": 0.0}, "FixedConfig.lr_shrink=0.0 must be above 0"),
        ({"warmup_updates": -1}, "FixedConfig.warmup_updates=-1 must be at least 0"),
        ({"lr_per_epoch": [1.0, -1.0]}, "FixedConfig.lr_per_epoch=[1.0, -1.0] has numbers that must be at least 0"),
    ],
)
def test_ranges(cfg: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        FixedConfig(**cfg)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
