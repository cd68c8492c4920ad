import json
import logging
from pathlib import Path
from typing import Any

import pytest

from seqtrain.errors import StorageError
from seqtrain.training.hooks.metrics_file import MetricsFile
from seqtrain.training.trainer import Trainer


def report(hook: MetricsFile, trainer: Trainer, *updates: int) -> None:
    for update in updates:
        trainer.state.num_updates = update
        hook.on_metrics(trainer, {"train/loss": float(update)})


def updates(path: Path) -> list[int]:
    return [json.loads(line)["num_updates"] for line in path.read_text().splitlines()]


def saved(hook: MetricsFile) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(hook.state_dict()))
    return state


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let the disk be full until this is undone; half a line gets there."""
    opened = Path.open

    def half(self: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "ab":
            with opened(self, "ab") as file:
                file.write(b'{"num_up')
            raise OSError(28, "No space left on device")
        return opened(self, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", half)
    return monkeypatch


def test_a_line_for_each_report_and_cut_back_on_resume(tmp_path: Path, trainer: Trainer) -> None:
    path = tmp_path / "metrics.jsonl"
    hook = MetricsFile(path)
    hook.on_start(trainer)
    report(hook, trainer, 1, 2)
    state = saved(hook)
    report(hook, trainer, 3)
    assert updates(path) == [1, 2, 3]
    path.write_bytes(path.read_bytes() + b'{"num_upd\xff')  # a write that was cut short by a kill
    resumed = MetricsFile(path)
    resumed.load_state_dict(state)
    resumed.on_start(trainer)
    assert updates(path) == [1, 2]
    report(resumed, trainer, 3)
    assert [json.loads(line) for line in path.read_text().splitlines()][2] == {
        **{"num_updates": 3, "epoch": 1, "train/loss": 3.0, "seconds": 0.0}
    }


def test_a_run_without_a_checkpoint_starts_it_again(tmp_path: Path, trainer: Trainer) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"num_updates": 1}\n{"num_')
    MetricsFile(tmp_path / "metrics.jsonl").on_start(trainer)
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_lines_that_a_full_disk_refuses_come_later(
    tmp_path: Path, trainer: Trainer, full: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hook = MetricsFile(tmp_path / "metrics.jsonl")
    hook.on_start(trainer)
    with caplog.at_level(logging.WARNING):
        report(hook, trainer, 1, 2, 3)
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot write {hook.path}: [Errno 28] No space left on device; its lines are kept until it can be written"
    ]
    full.undo()
    report(hook, trainer, 4)
    hook.on_end(trainer)
    assert updates(hook.path) == [1, 2, 3, 4]


def test_a_checkpoint_has_the_lines_that_the_file_has_not(
    tmp_path: Path, trainer: Trainer, full: pytest.MonkeyPatch
) -> None:
    hook = MetricsFile(tmp_path / "metrics.jsonl")
    report(hook, trainer, 1, 2)
    state = saved(hook)
    full.undo()
    resumed = MetricsFile(hook.path)
    resumed.load_state_dict(state)
    resumed.on_start(trainer)
    assert updates(hook.path) == [1, 2]


def test_training_does_not_end_well_without_its_metrics(
    tmp_path: Path, trainer: Trainer, full: pytest.MonkeyPatch
) -> None:
    hook = MetricsFile(tmp_path / "metrics.jsonl")
    report(hook, trainer, 1, 2)
    trainer.stop("SIGTERM", interrupted=True)
    hook.on_end(trainer)  # the resume will write them
    trainer.stop_reason, trainer.interrupted = "enough", False
    with pytest.raises(StorageError, match=rf"lacks its last 2 lines.* resume={tmp_path} writes them"):
        hook.on_end(trainer)
    with pytest.raises(ZeroDivisionError):
        try:
            raise ZeroDivisionError  # which is not to be hidden by the metrics
        finally:
            hook.on_end(trainer)


def test_going_back_takes_no_room_on_the_disk(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = MetricsFile(tmp_path / "metrics.jsonl")
    report(hook, trainer, 1)
    state = saved(hook)
    report(hook, trainer, 2)
    hook.load_state_dict(state)
    monkeypatch.setattr("os.fsync", refuse)
    hook.on_return(trainer)
    assert updates(hook.path) == [1]


def refuse(*arguments: object) -> None:
    raise OSError(28, "No space left on device")
