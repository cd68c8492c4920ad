import pytest

from seqtrain.composition import compose
from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.manual import Manual, ManualConfig
from seqtrain.optimizers.sgd import SGD


@pytest.mark.parametrize(
    ("num_updates", "lr"), [(0, 2.0), (2, 2.0), (3, 0.5), (4, 0.5), (9, 0.5), (10, 3.0), (99, 3.0)]
)
def test_rates_by_updates(optimizer: SGD, num_updates: int, lr: float) -> None:
    assert Manual(ManualConfig(update2lr={10: 3.0, 3: 0.5}), optimizer).lr_at(num_updates) == lr


def test_a_rate_of_the_first_update(optimizer: SGD) -> None:
    scheduler = Manual(ManualConfig(update2lr={0: 1, 1: 0}), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 1)] == [1.0, 0.0]
    assert isinstance(scheduler.lr_at(0), float)


def test_rates_by_epochs(optimizer: SGD) -> None:
    scheduler = Manual(ManualConfig(epoch2lr={2: 1.0, 4: 0.25}), optimizer)
    scheduler.step_update(0)
    found = []
    for epoch in range(1, 6):
        found.append(optimizer.lr)
        scheduler.step_update(10 * epoch)
        scheduler.step(epoch, None)
    assert found == [2.0, 1.0, 1.0, 0.25, 0.25]


def test_without_rates_it_is_the_optimizers(optimizer: SGD) -> None:
    assert [Manual(ManualConfig(), optimizer).lr_at(n) for n in (0, 10**6)] == [2.0, 2.0]


def test_on_the_command_line() -> None:
    cfg = compose(["lr_scheduler=manual", "lr_scheduler.update2lr={0:1e-3,2000:1e-4}"]).lr_scheduler
    assert cfg == ManualConfig(update2lr={0: 0.001, 2000: 0.0001})


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"epoch2lr": {1: -1.0}}, "ManualConfig.epoch2lr={1: -1.0} has numbers that must be at least 0"),
        ({"epoch2lr": {0: 1.0}}, "lr_scheduler.epoch2lr counts epochs from 1"),
        ({"update2lr": {-1: 1.0}}, "lr_scheduler.update2lr counts updates that are done, from 0"),
        (
            {"epoch2lr": {1: 1.0}, "update2lr": {0: 1.0}},
            "lr_scheduler.epoch2lr and lr_scheduler.update2lr are two clocks for one rate: leave one of them out",
        ),
    ],
)
def test_what_cannot_be(cfg: dict[str, dict[int, float]], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        ManualConfig(**cfg)
    assert str(error.value) == message
