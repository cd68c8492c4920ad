import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.linear import Linear, LinearConfig
from seqtrain.optimizers.sgd import SGD
from seqtrain.testing.configs import default_config


@pytest.mark.parametrize(
    ("num_updates", "lr"),
    [(0, 0.0), (1, 0.5), (3, 1.5), (4, 2.0), (5, 1.75), (8, 1.0), (11, 0.25), (12, 0.0), (13, 0.0)],
)
def test_up_and_down(optimizer: SGD, num_updates: int, lr: float) -> None:
    scheduler = Linear(LinearConfig(warmup_updates=4, total_num_update=12), optimizer)
    assert scheduler.lr_at(num_updates) == lr


@pytest.mark.parametrize(
    ("num_updates", "lr"), [(0, 1.0), (1, 1.25), (4, 2.0), (5, 1.8125), (8, 1.25), (11, 0.6875), (12, 0.5), (13, 0.5)]
)
def test_from_a_rate_to_a_rate(optimizer: SGD, num_updates: int, lr: float) -> None:
    # 1.5 in 8 updates down from 2 to 0.5 is 0.1875 an update
    cfg = LinearConfig(warmup_updates=4, warmup_init_lr=1.0, end_learning_rate=0.5, total_num_update=12)
    assert Linear(cfg, optimizer).lr_at(num_updates) == lr


def test_no_warm_up_starts_at_the_peak(optimizer: SGD) -> None:
    scheduler = Linear(LinearConfig(total_num_update=8), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 1, 7, 8, 9)] == [2.0, 1.75, 0.25, 0.0, 0.0]


def test_a_training_within_the_warm_up_only_rises(optimizer: SGD) -> None:
    scheduler = Linear(LinearConfig(warmup_updates=8, total_num_update=4), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 3, 4, 7, 8)] == [0.0, 0.75, 1.0, 1.75, 0.0]
    scheduler = Linear(LinearConfig(warmup_updates=4, total_num_update=4), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 3, 4, 5)] == [0.0, 1.5, 0.0, 0.0]


def test_the_end_is_that_of_training() -> None:
    assert default_config(LinearConfig).total_num_update == 100


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"end_learning_rate": -0.5}, "LinearConfig.end_learning_rate=-0.5 must be at least 0"),
        (
            {"total_num_update": 0},
            "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update",
        ),
    ],
)
def test_what_cannot_be(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        LinearConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
