import math

import pytest

from seqtrain.config import SavingConfig, TrainConfig, TrainingConfig, ValidationConfig
from seqtrain.errors import ConfigError
from seqtrain.training.hooks.validation import Validation
from seqtrain.training.state import TrainState
from seqtrain.training.trainer import Trainer


def make(losses: list[float], *, patience: int = 0, metric: str = "valid/loss", maximize: bool = False) -> Validation:
    """A validation each update, with these losses for both sets of the task."""
    cfg = TrainConfig(
        training=TrainingConfig(max_update=10, patience=patience),
        validation=ValidationConfig(interval_updates=1),
        saving=SavingConfig(metric=metric, maximize=maximize),
    )
    values = iter([loss for loss in losses for _ in ("valid", "valid1")])
    return Validation(cfg, lambda trainer, split: {"loss": next(values), "bleu": 7.0})


@pytest.mark.parametrize(
    ("state", "epochs", "updates", "due"),
    [
        (TrainState(num_updates=4, epoch=1), 1, 0, False),
        (TrainState(num_updates=4, epoch=1, end_of_epoch=True), 1, 0, True),
        (TrainState(num_updates=4, epoch=1, end_of_epoch=True), 2, 0, False),
        (TrainState(num_updates=4, epoch=2, end_of_epoch=True), 2, 0, True),
        (TrainState(num_updates=4), 0, 2, True),
        (TrainState(num_updates=5), 0, 2, False),
        (TrainState(num_updates=4, end_of_epoch=True), 0, 0, False),
    ],
)
def test_due(state: TrainState, epochs: int, updates: int, due: bool) -> None:
    assert state.is_due(epochs, updates) is due


def test_the_parts_of_a_split_have_a_mean(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer.parts.task, "splits", lambda kind: ["valid.en-de", "valid.de-en"])
    losses = iter([1.0, 3.0])
    cfg = TrainConfig(training=TrainingConfig(max_update=10), validation=ValidationConfig(interval_updates=1))
    Validation(cfg, lambda trainer, split: {"loss": next(losses)}).on_update(trainer, None)
    reported = trainer.hooks[0].metrics  # type: ignore[attr-defined]  # the fixture's Reports
    assert reported == [{"valid.en-de/loss": 1.0, "valid.de-en/loss": 3.0, "valid/loss": 2.0}]
    assert (trainer.state.val_loss, trainer.state.best) == (2.0, 2.0)


def test_reports_every_set_and_keeps_the_loss_of_the_first(trainer: Trainer) -> None:
    make([1.5]).on_update(trainer, None)
    reported = trainer.hooks[0].metrics  # type: ignore[attr-defined]  # the fixture's Reports
    assert reported == [{"valid/loss": 1.5, "valid/bleu": 7.0, "valid1/loss": 1.5, "valid1/bleu": 7.0}]
    assert (trainer.state.val_loss, trainer.state.best) == (1.5, 1.5)


def test_patience_counts_validations_without_a_better_one(trainer: Trainer) -> None:
    validation = make([3.0, 2.0, 2.0, math.nan, 1.0, 1.5], patience=2)
    seen = []
    for _ in range(4):
        validation.on_update(trainer, None)
        seen.append((trainer.state.best, trainer.state.num_validations_since_best, bool(trainer.stop_reason)))
    assert seen == [(3.0, 0, False), (2.0, 0, False), (2.0, 1, False), (2.0, 2, True)]
    assert trainer.stop_reason == "no better valid/loss in 2 validations (training.patience)"


def test_maximize_turns_the_order_round(trainer: Trainer) -> None:
    validation = make([1.0, 2.0, 1.5], maximize=True, metric="valid1/loss")
    for _ in range(3):
        validation.on_update(trainer, None)
    assert (trainer.state.best, trainer.state.num_validations_since_best) == (2.0, 1)


def test_the_end_validates_but_an_interrupt_does_not(trainer: Trainer) -> None:
    validation = make([1.0])
    validation.cfg.validation.interval_updates = 0
    validation.on_update(trainer, None)
    trainer.stop("interrupted", interrupted=True)
    validation.on_update(trainer, None)
    assert trainer.state.best is None
    trainer.stop_reason, trainer.interrupted = "enough", False
    validation.on_update(trainer, None)
    assert trainer.state.best == 1.0


def test_an_interrupt_does_not_put_off_what_is_due(trainer: Trainer) -> None:
    trainer.stop("interrupted", interrupted=True)
    make([1.0]).on_update(trainer, None)
    assert trainer.state.best == 1.0


def test_unknown_metric_lists_what_there_is(trainer: Trainer) -> None:
    with pytest.raises(ConfigError, match=r"saving.metric=valid/wer: validation gives valid/loss, valid/bleu"):
        make([1.0], metric="valid/wer").on_update(trainer, None)
