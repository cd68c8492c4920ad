import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from seqtrain import checkpoint
from seqtrain.checkpoint import Checkpoint
from seqtrain.config import SavingConfig
from seqtrain.errors import CheckpointError
from seqtrain.model_tensors import copied
from seqtrain.training.hooks.saving import Saving
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.trainer import Trainer

Write = Callable[[Path], Checkpoint]
EACH = SavingConfig(interval_updates=1, keep_last=0)


class Capture:
    """Captures a weight that training changes; notes when, and whether two writes are ever under way at once."""

    def __init__(self) -> None:
        self.weight = torch.zeros(3)
        self.captured: list[tuple[int, dict[str, float]]] = []
        self.written: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Event()
        self.under_way = self.most_under_way = 0

    def __call__(self, trainer: Trainer, metrics: dict[str, float]) -> Write:
        self.captured.append((trainer.state.num_updates, metrics))
        return partial(self._write, model=copied({"weight": self.weight}), metrics=metrics)

    def _write(self, directory: Path, model: dict[str, torch.Tensor], metrics: dict[str, float]) -> Checkpoint:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.begun.set()
        assert self.go_on.wait(10)
        self.written.append(directory.name)
        saved = checkpoint.write(directory, model=model, config={}, metrics=metrics, save_task=lambda path: None)
        self.under_way -= 1
        return saved


def make(path: Path, saving: SavingConfig) -> tuple[Saving, Capture]:
    capture = Capture()
    return Saving(saving, RunDirectory(path, saving), capture), capture


def update(saving: Saving, trainer: Trainer, number: int, *, stop: bool = False) -> None:
    trainer.state.num_updates = number
    if stop:
        trainer.stop("enough")
    saving.on_update(trainer, None)


def weight(path: Path) -> list[float]:
    model = torch.nn.Module()
    model.register_buffer("weight", torch.ones(3))
    Checkpoint.open(path).load_model(model)
    return [float(value) for value in model.state_dict()["weight"]]


def test_saves_when_due_when_best_and_at_the_end(tmp_path: Path, trainer: Trainer) -> None:
    saving, capture = make(tmp_path, SavingConfig(interval_epochs=0, interval_updates=4, keep_best=1))
    saving.on_start(trainer)
    losses = {2: 5.0, 3: 6.0, 5: 4.0}
    for number in range(1, 7):
        if number in losses:
            saving.on_metrics(trainer, {"valid/loss": losses[number]})
        update(saving, trainer, number, stop=number == 6)
    saving.on_end(trainer)
    assert capture.captured == [(2, {"valid/loss": 5.0}), (4, {}), (5, {"valid/loss": 4.0}), (6, {})]
    assert (tmp_path / "last").resolve().name == "update-00000006"
    assert (tmp_path / "best").resolve().name == "update-00000005"


def test_one_checkpoint_an_update(tmp_path: Path, trainer: Trainer) -> None:
    saving, capture = make(tmp_path, EACH)
    saving.on_start(trainer)
    update(saving, trainer, 1)
    update(saving, trainer, 1)
    saving.on_end(trainer)
    assert len(capture.captured) == len(capture.written) == 1


def test_training_goes_on_while_one_is_written_and_nothing_of_it_leaks_in(tmp_path: Path, trainer: Trainer) -> None:
    saving, capture = make(tmp_path, SavingConfig(interval_updates=4))
    saving.on_start(trainer)
    capture.go_on.clear()
    for number in (4, 5, 6, 7):
        update(saving, trainer, number)
        capture.weight += 1
    assert capture.begun.wait(10)
    assert capture.written == [], "three updates were done meanwhile"
    capture.go_on.set()
    saving.on_end(trainer)
    assert capture.written == ["update-00000004"]
    assert weight(tmp_path / "checkpoints" / "update-00000004") == [0.0, 0.0, 0.0]


def test_at_most_one_is_under_way_and_the_next_save_waits_for_it(tmp_path: Path, trainer: Trainer) -> None:
    saving, capture = make(tmp_path, EACH)
    saving.on_start(trainer)
    capture.go_on.clear()
    update(saving, trainer, 1)
    threading.Timer(0.2, capture.go_on.set).start()
    update(saving, trainer, 2)
    assert capture.written[:1] == ["update-00000001"], "update 2 was not captured before update 1 was written"
    for number in range(3, 30):
        update(saving, trainer, number)
    saving.on_end(trainer)
    assert len(capture.written) == 29
    assert capture.most_under_way == 1


def test_a_validation_waits_before_it_is_compared(tmp_path: Path, trainer: Trainer) -> None:
    saving, capture = make(tmp_path, SavingConfig(interval_epochs=0, keep_best=1))
    saving.on_start(trainer)
    capture.go_on.clear()
    saving.on_metrics(trainer, {"valid/loss": 1.0})
    update(saving, trainer, 1)
    threading.Timer(0.2, capture.go_on.set).start()
    saving.on_metrics(trainer, {"valid/loss": 2.0})
    update(saving, trainer, 2)
    saving.on_end(trainer)
    assert capture.written == ["update-00000001"], "2.0 is no better than 1.0, however slow the disk"


def test_the_end_waits_and_the_thread_ends(tmp_path: Path, trainer: Trainer) -> None:
    before = threading.active_count()
    saving, capture = make(tmp_path, EACH)
    saving.on_start(trainer)
    update(saving, trainer, 1, stop=True)
    assert capture.written == ["update-00000001"]
    saving.on_end(trainer)
    assert threading.active_count() == before


def test_an_exception_of_training_waits_too(tmp_path: Path, trainer: Trainer) -> None:
    saving, capture = make(tmp_path, EACH)
    saving.on_start(trainer)
    capture.go_on.clear()
    update(saving, trainer, 1)
    threading.Timer(0.2, capture.go_on.set).start()
    saving.on_end(trainer)
    assert [saved.path.name for saved in saving.run.complete()] == ["update-00000001"]


def test_an_error_of_the_thread_surfaces_in_training(tmp_path: Path, trainer: Trainer) -> None:
    saving, _ = make(tmp_path, EACH)

    def write(directory: Path) -> None:
        raise ZeroDivisionError("a task's own")

    saving.capture = lambda trainer, metrics: write
    saving.on_start(trainer)
    with pytest.raises(ZeroDivisionError, match="a task's own"):
        for number in (1, 2):  # at the first already, if the thread is quick
            update(saving, trainer, number)
    saving.on_end(trainer)


def test_a_validation_is_saved_if_the_disk_does_not_say_whether_it_is_among_the_best(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    saving, capture = make(tmp_path, SavingConfig(interval_epochs=0, keep_best=1))
    saving.on_start(trainer)

    def refuse(self: RunDirectory, value: float) -> bool:
        raise CheckpointError("unreadable")

    monkeypatch.setattr(RunDirectory, "is_among_best", refuse)
    monkeypatch.setattr("seqtrain.training.checkpoint_writer.WAITS", (0.0,))
    with caplog.at_level(logging.WARNING):
        saving.on_metrics(trainer, {"valid/loss": 1.0})
        update(saving, trainer, 1)
    saving.on_end(trainer)
    assert capture.written == ["update-00000001"]
