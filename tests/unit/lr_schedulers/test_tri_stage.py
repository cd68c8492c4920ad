from typing import Any

import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.tri_stage import TriStage, TriStageConfig
from seqtrain.optimizers.sgd import SGD
from seqtrain.testing.configs import default_config


def in_updates(**values: Any) -> TriStageConfig:
    return TriStageConfig(phase_ratio=None, total_num_update=0, **values)


@pytest.mark.parametrize(
    ("num_updates", "lr"),
    [(0, 1.0), (1, 1.25), (3, 1.75), (4, 2.0), (5, 2.0), (6, 2.0), (7, 1.0), (8, 0.5), (9, 0.25), (10, 0.25)],
)
def test_three_stages_in_updates(optimizer: SGD, num_updates: int, lr: float) -> None:
    # 4 up, 2 at the peak, 3 down, each of which halves: an eighth in all
    cfg = in_updates(warmup_updates=4, hold_updates=2, decay_updates=3, init_lr_scale=0.5, final_lr_scale=0.125)
    assert TriStage(cfg, optimizer).lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


@pytest.mark.parametrize(
    ("num_updates", "lr"), [(0, 0.02), (1, 1.01), (2, 2.0), (9, 2.0), (10, 2.0), (15, 0.2), (20, 0.02), (21, 0.02)]
)
def test_three_stages_as_shares_of_the_run(optimizer: SGD, num_updates: int, lr: float) -> None:
    # 2, 8 and 10 updates; halfway down is a tenth, the root of a hundredth
    cfg = TriStageConfig(total_num_update=20)
    assert TriStage(cfg, optimizer).lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


@pytest.mark.parametrize(
    ("ratio", "total", "stages"),
    [
        ([0.1, 0.4, 0.5], 10, (1, 4, 5)),
        ([0.1, 0.2, 0.7], 10, (1, 2, 7)),  # sum to 0.9999999999999999
        ([0.29, 0.29, 0.42], 100, (29, 29, 42)),  # 100 * 0.29 is 28.999999999999996
        ([0.333, 0.333, 0.334], 7, (2, 3, 2)),
        ([0.3333, 0.3333, 0.3333], 9, (3, 3, 3)),
        ([0.0, 0.0, 1.0], 5, (0, 0, 5)),
        ([0.5, 0.5, 0.0], 5, (2, 3, 0)),
    ],
)
def test_shares_are_together_the_whole_run(ratio: list[float], total: int, stages: tuple[int, int, int]) -> None:
    assert TriStageConfig(phase_ratio=ratio, total_num_update=total).stages() == stages


def test_without_a_rise_it_starts_at_the_peak(optimizer: SGD) -> None:
    scheduler = TriStage(in_updates(hold_updates=1, decay_updates=2, final_lr_scale=0.25), optimizer)
    assert [scheduler.lr_at(n) for n in range(4)] == pytest.approx([2.0, 2.0, 1.0, 0.5])


def test_without_a_fall_it_holds(optimizer: SGD) -> None:
    scheduler = TriStage(in_updates(warmup_updates=2, hold_updates=1, init_lr_scale=0.0), optimizer)
    assert [scheduler.lr_at(n) for n in (0, 1, 2, 3, 4, 10**6)] == [0.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_the_end_is_that_of_training() -> None:
    assert default_config(TriStageConfig).stages() == (10, 40, 50)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"total_num_update": 0},
            "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update",
        ),
        (
            {"phase_ratio": None},
            "lr_scheduler.phase_ratio=null needs stages in updates: set lr_scheduler.warmup_updates, "
            "lr_scheduler.hold_updates and lr_scheduler.decay_updates",
        ),
        (
            {"hold_updates": 3},
            "the stages are given twice: to give them in updates set lr_scheduler.phase_ratio=null",
        ),
        (
            {"phase_ratio": [0.1, 0.4, 0.4]},
            "lr_scheduler.phase_ratio=[0.1, 0.4, 0.4] must be three numbers that sum to 1",
        ),
        ({"phase_ratio": [0.5, 0.5]}, "lr_scheduler.phase_ratio=[0.5, 0.5] must be three numbers that sum to 1"),
        (
            {"phase_ratio": [-0.5, 0.5, 1.0]},
            "TriStageConfig.phase_ratio=[-0.5, 0.5, 1.0] has numbers that must be at least 0",
        ),
        ({"final_lr_scale": 0.0}, "TriStageConfig.final_lr_scale=0.0 must be above 0"),
        ({"init_lr_scale": -1.0}, "TriStageConfig.init_lr_scale=-1.0 must be at least 0"),
    ],
)
def test_what_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        TriStageConfig(**values)
    assert str(error.value) == message
