from typing import Any

import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers.cosine import Cosine, CosineConfig
from seqtrain.optimizers.sgd import SGD
from seqtrain.testing.configs import default_config

# (1 + cos(pi x)) / 2 at a sixth, a third, two thirds and five sixths; at a quarter and three quarters
SIXTHS = [1.0, 0.9330127018922193, 0.75, 0.5, 0.25, 0.06698729810778065, 0.0]
QUARTERS = [1.0, 0.8535533905932737, 0.5, 0.14644660940672627, 0.0]


def rates(optimizer: SGD, numbers: range, **values: Any) -> list[float]:
    scheduler = Cosine(CosineConfig(**values), optimizer)
    return [scheduler.lr_at(n) for n in numbers]


def test_half_a_cosine_over_the_whole_run(optimizer: SGD) -> None:
    found = rates(optimizer, range(7), total_num_update=6)
    assert found == pytest.approx([2 * share for share in SIXTHS], abs=1e-15)


def test_warm_up_and_a_lowest_rate(optimizer: SGD) -> None:
    found = rates(optimizer, range(9), warmup_updates=2, min_lr=0.5, total_num_update=8)
    assert found == pytest.approx([0.5, 1.25, *(0.5 + 1.5 * share for share in SIXTHS)], abs=1e-15)


def test_it_does_not_start_again_at_the_end_of_the_run_nor_later(optimizer: SGD) -> None:
    assert rates(optimizer, range(6, 9), min_lr=0.5, total_num_update=6) == [0.5, 0.5, 0.5]
    # nor where the run ends with a cycle, as in fairseq's recipe for WikiText-103
    cycle = {"lr_period_updates": 4, "lr_shrink": 0.75}
    found = rates(optimizer, range(3, 7), **cycle, warmup_updates=1, min_lr=0.5, total_num_update=5)
    assert found == pytest.approx([0.5 + 1.5 * QUARTERS[2], 0.5 + 1.5 * QUARTERS[3], 0.5, 0.5], abs=1e-15)


def test_cycles_of_one_length_whose_peak_shrinks_to_the_lowest_rate(optimizer: SGD) -> None:
    found = rates(optimizer, range(13), lr_period_updates=4, lr_shrink=0.5, min_lr=0.75, total_num_update=0)
    # peaks 2, 1, and 0.5, which is below 0.75
    first, second = ([0.75 + (peak - 0.75) * share for share in QUARTERS[:4]] for peak in (2.0, 1.0))
    assert found == pytest.approx([*first, *second, 0.75, 0.75, 0.75, 0.75, 0.75], abs=1e-15)


@pytest.mark.parametrize(
    ("num_updates", "lr"),
    [
        (0, 2.0),
        (1, 1.0),
        (2, 1.5),
        (3, 1.5 * QUARTERS[1]),
        (4, 0.75),
        (5, 1.5 * QUARTERS[3]),
        (6, 1.125),
        (13, 1.125 * 0.03806023374435663),  # (1 + cos(7 pi / 8)) / 2
        (14, 0.84375),
    ],
)
def test_cycles_that_double(optimizer: SGD, num_updates: int, lr: float) -> None:
    # of 2, 4, 8 updates from 0, 2, 6; the peaks are 2, 1.5, 1.125, 0.84375
    cfg = CosineConfig(lr_period_updates=2, t_mult=2, lr_shrink=0.75, total_num_update=0)
    assert Cosine(cfg, optimizer).lr_at(num_updates) == pytest.approx(lr, rel=1e-12)


def test_a_cycle_begins_on_its_update_however_many_there_were(optimizer: SGD) -> None:
    # by logarithms in floating point, as fairseq finds cycles, some of these are one too early or too late
    scheduler = Cosine(CosineConfig(lr_period_updates=3, t_mult=3, lr_shrink=0.9, total_num_update=0), optimizer)
    for cycle in range(1, 15):
        begins = 3 * (3**cycle - 1) // 2
        assert scheduler.lr_at(begins) == pytest.approx(2 * 0.9**cycle, rel=1e-12)
        assert scheduler.lr_at(begins - 1) < 2 * 0.9 ** (cycle - 1) / 2


def test_a_run_within_the_warm_up_only_rises(optimizer: SGD) -> None:
    assert rates(optimizer, range(4), warmup_updates=4, total_num_update=2) == [0.0, 0.5, 1.0, 1.5]
    assert rates(optimizer, range(4, 7), warmup_updates=4, total_num_update=2) == pytest.approx([2.0, 0.0, 0.0])


def test_the_end_is_that_of_training() -> None:
    assert default_config(CosineConfig).total_num_update == 100


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"total_num_update": 0},
            "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update",
        ),
        (
            {"t_mult": 2.0},
            "lr_scheduler.t_mult and lr_scheduler.lr_shrink are for cycles: set lr_scheduler.lr_period_updates",
        ),
        (
            {"lr_shrink": 0.75},
            "lr_scheduler.t_mult and lr_scheduler.lr_shrink are for cycles: set lr_scheduler.lr_period_updates",
        ),
        ({"lr_period_updates": 0}, "CosineConfig.lr_period_updates=0 must be at least 1"),
        ({"t_mult": 0.5}, "CosineConfig.t_mult=0.5 must be at least 1"),
        ({"lr_shrink": 2.0}, "CosineConfig.lr_shrink=2.0 must be above 0 and at most 1"),
        ({"min_lr": -1.0}, "CosineConfig.min_lr=-1.0 must be at least 0"),
    ],
)
def test_what_cannot_be(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        CosineConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message


def test_a_lowest_rate_above_the_highest(optimizer: SGD) -> None:
    with pytest.raises(ConfigError, match=r"lr_scheduler.min_lr=3 is above optimizer.lr=2"):
        Cosine(CosineConfig(min_lr=3.0, total_num_update=9), optimizer)
