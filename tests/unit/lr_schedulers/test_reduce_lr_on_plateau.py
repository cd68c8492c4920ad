import json
import math

import pytest
import torch
from torch import nn

from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.lr_schedulers.reduce_lr_on_plateau import ReduceLROnPlateau, ReduceLROnPlateauConfig
from seqtrain.optimizers.sgd import SGD

FALLING_SLOWLY = [5 * 0.9999**n for n in range(20)]
UP_AND_DOWN = [3 + math.sin(n) for n in range(60)]
STUCK = [2.0] * 12
STRANGE = [math.nan, 4.0, math.inf, 3.9, math.nan, 3.9, -1.0, -2.0, -2.0]


def rates(cfg: ReduceLROnPlateauConfig, optimizer: SGD, losses: list[float]) -> list[float]:
    """Rate after each epoch of 10 updates."""
    scheduler, found = ReduceLROnPlateau(cfg, optimizer), []
    for epoch, loss in enumerate(losses, start=1):
        scheduler.step_update(10 * epoch)
        scheduler.step(epoch, loss)
        found.append(optimizer.lr)
    return found


def torch_rates(cfg: ReduceLROnPlateauConfig, losses: list[float]) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=cfg.lr_shrink, patience=cfg.lr_patience, threshold=cfg.lr_threshold
    )
    found = []
    for loss in losses:
        scheduler.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    return found


@pytest.mark.parametrize("losses", [FALLING_SLOWLY, UP_AND_DOWN, STUCK, STRANGE])
@pytest.mark.parametrize(
    "cfg",
    [
        ReduceLROnPlateauConfig(),
        ReduceLROnPlateauConfig(lr_shrink=0.5, lr_patience=2),
        ReduceLROnPlateauConfig(lr_threshold=0.2, lr_patience=1),
        ReduceLROnPlateauConfig(lr_threshold=0.0),
    ],
)
def test_the_numbers_are_those_of_torch(optimizer: SGD, cfg: ReduceLROnPlateauConfig, losses: list[float]) -> None:
    assert rates(cfg, optimizer, losses) == torch_rates(cfg, losses)


def test_patience(optimizer: SGD) -> None:
    cfg = ReduceLROnPlateauConfig(lr_shrink=0.5, lr_patience=1)
    assert rates(cfg, optimizer, [3, 4, 3.5, 2, 2, 2, 2]) == [2, 2, 1, 1, 1, 0.5, 0.5]


def test_an_epoch_without_validation_does_not_count(optimizer: SGD) -> None:
    scheduler = ReduceLROnPlateau(ReduceLROnPlateauConfig(), optimizer)
    scheduler.step_update(10)
    for epoch, loss in enumerate([None, 3.0, None, None, 2.0], start=1):
        scheduler.step(epoch, loss)
    assert scheduler.state_dict() == {"lr": 2.0, "best": 2.0, "bad_epochs": 0}


def test_warm_up(optimizer: SGD) -> None:
    scheduler = ReduceLROnPlateau(ReduceLROnPlateauConfig(warmup_updates=4, warmup_init_lr=1.0), optimizer)
    assert [scheduler.lr_at(n) for n in range(6)] == [1.0, 1.25, 1.5, 1.75, 2.0, 2.0]


def test_losses_during_warm_up_do_not_count(optimizer: SGD) -> None:
    scheduler = ReduceLROnPlateau(ReduceLROnPlateauConfig(warmup_updates=20, lr_shrink=0.5), optimizer)
    found = []
    for epoch, loss in enumerate([1.0, 5.0, 4.0, 4.5], start=1):
        scheduler.step_update(10 * epoch)
        scheduler.step(epoch, loss)
        found.append(optimizer.lr)
    assert found == [1.0, 2.0, 2.0, 1.0]


def test_the_state_survives_json(optimizer: SGD) -> None:
    cfg = ReduceLROnPlateauConfig(lr_patience=2, lr_shrink=0.5)
    for losses in ([], [math.nan], UP_AND_DOWN[:7]):
        scheduler, resumed = ReduceLROnPlateau(cfg, optimizer), ReduceLROnPlateau(cfg, optimizer)
        for epoch, loss in enumerate(losses, start=1):
            scheduler.step(epoch, loss)
        resumed.load_state_dict(json.loads(json.dumps(scheduler.state_dict(), allow_nan=False)))
        for epoch, loss in enumerate(UP_AND_DOWN[7:], start=8):
            scheduler.step(epoch, loss)
            resumed.step(epoch, loss)
            assert resumed.lr_at(50) == scheduler.lr_at(50)


def test_the_state_of_another_scheduler(optimizer: SGD) -> None:
    with pytest.raises(CheckpointError, match="resume with the lr_scheduler that it was saved with"):
        ReduceLROnPlateau(ReduceLROnPlateauConfig(), optimizer).load_state_dict({"epoch": 2})


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"lr_shrink": 1.0}, "ReduceLROnPlateauConfig.lr_shrink=1.0 must be above 0 and below 1"),
        ({"lr_threshold": -0.1}, "ReduceLROnPlateauConfig.lr_threshold=-0.1 must be at least 0 and below 1"),
        ({"lr_patience": -1}, "ReduceLROnPlateauConfig.lr_patience=-1 must be at least 0"),
        ({"warmup_init_lr": 0.1}, "lr_scheduler.warmup_init_lr has no effect without a warm-up: "
         "set lr_scheduler.warmup_updates, or lr_scheduler.warmup_init_lr=null"),
    ],
)  # fmt: skip
def test_what_cannot_be(cfg: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        ReduceLROnPlateauConfig(**cfg)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
