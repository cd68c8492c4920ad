import logging
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]  # has no types
    EventAccumulator,
)

from seqtrain.errors import ConfigError
from seqtrain.training.hooks.tensorboard import TensorBoard
from seqtrain.training.trainer import Trainer


def report(directory: Path, trainer: Trainer, values: dict[int, float], start: int = 0) -> None:
    hook = TensorBoard(directory)
    trainer.state.num_updates = start
    hook.on_start(trainer)
    for update, value in values.items():
        trainer.state.num_updates = update
        hook.on_metrics(trainer, {"train/loss": value})
    hook.on_end(trainer)


def points(directory: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(directory))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("train/loss")]


def test_a_point_for_each_report(tmp_path: Path, trainer: Trainer) -> None:
    report(tmp_path, trainer, {5: 2.0, 10: 1.5})
    assert points(tmp_path) == [(5, 2.0), (10, 1.5)]


def test_a_resume_replaces_what_came_after_the_checkpoint(tmp_path: Path, trainer: Trainer) -> None:
    report(tmp_path, trainer, {5: 2.0, 10: 1.5, 15: 9.0})
    report(tmp_path, trainer, {15: 1.25, 20: 1.0}, start=10)
    assert points(tmp_path) == [(5, 2.0), (10, 1.5), (15, 1.25), (20, 1.0)]


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"needs the package tensorboard: pip install 'seqtrain\[tensorboard\]'"):
        TensorBoard(tmp_path)


def refuse(*arguments: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_disk_that_refuses_is_said_once(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hook = TensorBoard(tmp_path)
    hook.on_start(trainer)

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(hook.writer, "add_scalar", refuse)
        hook.on_metrics(trainer, {"train/loss": 1.0})
        hook.on_metrics(trainer, {"train/loss": 1.0})
    hook.on_end(trainer)
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot write {tmp_path}: [Errno 28] No space left on device; it will lack points"
    ]


def test_a_disk_that_refuses_when_training_goes_back(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hook = TensorBoard(tmp_path)
    hook.on_start(trainer)

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(hook.writer, "close", refuse)
        hook.on_return(trainer)
    trainer.state.num_updates = 5
    hook.on_metrics(trainer, {"train/loss": 2.0})
    hook.on_end(trainer)
    assert len(caplog.records) == 1
    assert points(tmp_path) == [(5, 2.0)]
