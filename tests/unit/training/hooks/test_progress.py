import io

from rich.console import Console

from seqtrain.config import TrainingConfig
from seqtrain.training.hooks.progress import ProgressBar, ProgressLines, describe
from seqtrain.training.logs import logging_to
from seqtrain.training.trainer import Trainer


def test_losses_are_shown_to_the_base_that_was_asked_for() -> None:
    metrics = {"valid/loss": 0.6931472, "valid/ppl": 2.0, "train/tokens_per_second": 12345.6}
    assert describe(metrics, 2.0) == "valid/loss 1, valid/ppl 2, train/tokens_per_second 12,346"
    assert describe(metrics, 2.718281828) == "valid/loss 0.6931, valid/ppl 2, train/tokens_per_second 12,346"


def test_plain_lines(trainer: Trainer) -> None:
    stream = io.StringIO()
    trainer.state.num_updates = 5
    with logging_to(Console(file=stream)):
        ProgressLines(TrainingConfig()).on_metrics(trainer, {"train/loss": 1.25})
    assert stream.getvalue() == "epoch 1, update 5: train/loss 1.25\n"


def test_the_bar_shows_updates_and_the_newest_numbers(trainer: Trainer) -> None:
    stream = io.StringIO()
    bar = ProgressBar(TrainingConfig(max_update=10), Console(file=stream, force_terminal=True, width=120))
    bar.on_start(trainer)
    trainer.state.num_updates = 4
    bar.on_update(trainer, None)
    bar.on_metrics(trainer, {"train/loss": 1.25})
    bar.on_metrics(trainer, {"valid/loss": 9.0})
    bar.on_end(trainer)
    shown = stream.getvalue()
    assert "4/10 updates" in shown
    assert "loss 1.25" in shown
    assert "loss 9" not in shown
