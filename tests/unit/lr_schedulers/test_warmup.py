"""What all schedulers with a linear warm-up share, by the one that does nothing else."""

import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers._warmup import WarmupConfig, WarmupScheduler
from seqtrain.optimizers.sgd import SGD


class ThenFive(WarmupScheduler):
    def after_warmup(self, num_updates: int) -> float:
        return 5.0


@pytest.mark.parametrize(
    ("cfg", "min_lr", "expected"),
    [
        (WarmupConfig(warmup_updates=4), 0.0, [0.0, 0.5, 1.0, 1.5, 5.0, 5.0]),
        (WarmupConfig(warmup_updates=4), 1.0, [1.0, 1.25, 1.5, 1.75, 5.0, 5.0]),
        (WarmupConfig(warmup_updates=4, warmup_init_lr=0.4), 1.0, [0.4, 0.8, 1.2, 1.6, 5.0, 5.0]),
        (WarmupConfig(warmup_updates=4, warmup_init_lr=0.0), 1.0, [0.0, 0.5, 1.0, 1.5, 5.0, 5.0]),
        (WarmupConfig(warmup_updates=1), 0.0, [0.0, 5.0, 5.0, 5.0, 5.0, 5.0]),
        (WarmupConfig(), 0.0, [5.0] * 6),
    ],
)
def test_warm_up(optimizer: SGD, cfg: WarmupConfig, min_lr: float, expected: list[float]) -> None:
    scheduler = ThenFive(cfg, optimizer, min_lr)
    assert [scheduler.lr_at(n) for n in range(6)] == pytest.approx(expected, rel=1e-12)


def test_a_lowest_rate_above_the_highest(optimizer: SGD) -> None:
    with pytest.raises(ConfigError, match=r"^lr_scheduler.min_lr=3 is above optimizer.lr=2, which it falls from$"):
        ThenFive(WarmupConfig(), optimizer, 3.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"warmup_updates": -1}, "WarmupConfig.warmup_updates=-1 must be at least 0"),
        ({"warmup_init_lr": -1}, "WarmupConfig.warmup_init_lr=-1 must be at least 0"),
        (
            {"warmup_init_lr": 0},
            "lr_scheduler.warmup_init_lr has no effect without a warm-up: "
            "set lr_scheduler.warmup_updates, or lr_scheduler.warmup_init_lr=null",
        ),
    ],
)
def test_what_cannot_be(values: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        WarmupConfig(**values)
    assert str(error.value) == message
