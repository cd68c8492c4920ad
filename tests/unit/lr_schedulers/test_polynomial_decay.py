import pytest

from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.lr_schedulers.polynomial_decay import PolynomialDecay, PolynomialDecayConfig
from seqtrain.optimizers.sgd import SGD
from seqtrain.testing.configs import default_config


@pytest.mark.parametrize(
    ("num_updates", "lr"),
    [(0, 0.0), (1, 0.5), (3, 1.5), (4, 2.0), (5, 1.75), (8, 1.0), (11, 0.25), (12, 0.0), (99, 0.0)],
)
def test_linear(optimizer: SGD, num_updates: int, lr: float) -> None:
    scheduler = PolynomialDecay(PolynomialDecayConfig(warmup_updates=4, total_num_update=12), optimizer)
    assert scheduler.lr_at(num_updates) == lr


@pytest.mark.parametrize(
    ("num_updates", "lr"), [(0, 0.0), (2, 1.0), (4, 2.0), (6, 1.34375), (8, 0.875), (10, 0.59375), (12, 0.5), (13, 0.5)]
)
def test_quadratic_to_a_final_rate(optimizer: SGD, num_updates: int, lr: float) -> None:
    # 0.5 + 1.5 * (3/4)^2, (1/2)^2, (1/4)^2
    cfg = PolynomialDecayConfig(warmup_updates=4, end_learning_rate=0.5, power=2.0, total_num_update=12)
    assert PolynomialDecay(cfg, optimizer).lr_at(num_updates) == lr


def test_no_warm_up_starts_at_the_peak(optimizer: SGD) -> None:
    scheduler = PolynomialDecay(PolynomialDecayConfig(total_num_update=8), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 1, 4, 8)] == [2.0, 1.75, 1.0, 0.0]


def test_forced_annealing_decays_from_the_rate_that_an_epoch_ended_with(optimizer: SGD) -> None:
    cfg = PolynomialDecayConfig(force_anneal=2, end_learning_rate=1.0, total_num_update=10)
    scheduler = PolynomialDecay(cfg, optimizer)
    assert scheduler.step_update(5) == 1.5
    scheduler.step(1, None)
    assert scheduler.state_dict() == {"peak": 1.5}
    assert optimizer.lr == 1.25  # 1 + (1.5 - 1) / 2
    resumed = PolynomialDecay(cfg, optimizer)
    resumed.load_state_dict({"peak": 1.5})
    assert [one.step_update(8) for one in (scheduler, resumed)] == pytest.approx([1.1, 1.1], rel=1e-12)


def test_annealing_waits_for_its_epoch_and_the_end_of_the_warm_up(optimizer: SGD) -> None:
    scheduler = PolynomialDecay(PolynomialDecayConfig(warmup_updates=4, force_anneal=3, total_num_update=12), optimizer)
    scheduler.step_update(8)
    scheduler.step(1, None)
    assert scheduler.state_dict() == {"peak": 2.0}
    scheduler.step_update(2)
    scheduler.step(2, None)
    assert scheduler.state_dict() == {"peak": 2.0}


def test_the_end_is_that_of_training() -> None:
    assert default_config(PolynomialDecayConfig).total_num_update == 100


def test_a_config_made_by_hand_must_give_the_end(optimizer: SGD) -> None:
    with pytest.raises(ConfigError, match=r"total_num_update=\$\{training.max_update\} is no number: pass one"):
        PolynomialDecay(PolynomialDecayConfig(), optimizer)


def test_the_state_of_another_scheduler(optimizer: SGD) -> None:
    scheduler = PolynomialDecay(PolynomialDecayConfig(total_num_update=8), optimizer)
    with pytest.raises(CheckpointError, match="resume with the lr_scheduler that it was saved with"):
        scheduler.load_state_dict({"epoch": 3})


def test_a_training_within_the_warm_up_only_rises(optimizer: SGD) -> None:
    scheduler = PolynomialDecay(PolynomialDecayConfig(warmup_updates=8, total_num_update=4), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 2, 4, 8)] == [0.0, 0.5, 1.0, 0.0]  # the peak is 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"warmup_updates": -1}, "PolynomialDecayConfig.warmup_updates=-1 must be at least 0"),
        ({"force_anneal": 0}, "PolynomialDecayConfig.force_anneal=0 must be at least 1"),
        ({"end_learning_rate": -0.5}, "PolynomialDecayConfig.end_learning_rate=-0.5 must be at least 0"),
        ({"power": 0.0}, "PolynomialDecayConfig.power=0.0 must be above 0"),
        (
            {"total_num_update": 0},
            "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update",
        ),
    ],
)
def test_ranges(values: dict[str, int | float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        PolynomialDecayConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
