import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain import checkpoint
from seqtrain.checkpoint import Checkpoint
from seqtrain.config import SavingConfig
from seqtrain.errors import StorageError
from seqtrain.training import checkpoint_writer
from seqtrain.training.checkpoint_writer import CheckpointWriter, Write, persistently
from seqtrain.training.run_directory import RunDirectory


class Disk:
    """Refuses as long as it is full."""

    def __init__(self) -> None:
        self.full = False
        self.tries = 0

    def capture(self) -> Write:
        return self.write

    def write(self, directory: Path) -> Checkpoint:
        self.tries += 1
        if self.full:
            raise StorageError("cannot write it") from OSError(28, "No space left on device")
        return checkpoint.write(directory, model={}, config={}, metrics={}, save_task=lambda path: None)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(checkpoint_writer, "WAITS", (0.0, 0.0, 0.0))
    return Disk()


@pytest.fixture
def writer(tmp_path: Path) -> CheckpointWriter:
    return open_writer(tmp_path)


def open_writer(directory: Path) -> CheckpointWriter:
    writer = CheckpointWriter(RunDirectory(directory, SavingConfig(keep_last=0)))
    writer.open()
    return writer


def put(writer: CheckpointWriter, disk: Disk, number: int) -> Path:
    path = writer.run.checkpoint_path(number)
    writer.wait(number)
    writer.put(path, disk.capture, number)
    return path


def pass_updates(writer: CheckpointWriter, numbers: range, disk: Disk) -> list[int]:
    """Let updates pass; return those at which a checkpoint was tried."""
    tried = []
    for number in numbers:
        before = disk.tries
        writer.check(number)
        writer.wait(number)
        if disk.tries > before:
            tried.append(number)
    return tried


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_without_a_good_checkpoint_it_is_an_error(writer: CheckpointWriter, disk: Disk) -> None:
    disk.full = True
    path = put(writer, disk, 1)
    with pytest.raises(StorageError) as error:
        writer.wait(1)
    assert str(error.value) == (
        f"cannot save {path}: [Errno 28] No space left on device; this run has no good checkpoint yet: "
        "make room or mend that, and start again"
    )
    assert disk.tries == 4
    writer.close()


def test_it_is_tried_after_1_2_4_updates_and_said_as_often(
    writer: CheckpointWriter, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    good = put(writer, disk, 10)
    writer.wait(10)
    disk.full, disk.tries = True, 0
    path = put(writer, disk, 20)
    with caplog.at_level(logging.INFO):
        writer.wait(20)
        assert pass_updates(writer, range(21, 100), disk) == [21, 23, 27, 35, 51, 83]
        assert len(warnings(caplog)) == 7
        assert warnings(caplog)[0] == (
            f"cannot save {path}: [Errno 28] No space left on device; training goes on, "
            f"the next try is after update 21; the last good checkpoint is {good}"
        )
        disk.full = False
        assert pass_updates(writer, range(100, 300), disk) == [147]
    assert caplog.records[-1].getMessage() == f"saved {path} after all"
    assert Checkpoint.open(path).path == path
    disk.full = True
    put(writer, disk, 300)
    writer.wait(300)
    assert pass_updates(writer, range(301, 304), disk) == [301, 303], "from the start again"
    writer.close()


def test_thousands_of_saves_that_fail_are_few_lines(
    writer: CheckpointWriter, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    put(writer, disk, 1)
    writer.wait(1)
    disk.full = True
    for number in range(2, 5000):
        put(writer, disk, number)
    assert len(warnings(caplog)) <= 14
    with pytest.raises(StorageError, match=r"update-00004999: .* the last good checkpoint is .*update-00000001"):
        writer.finish()
    writer.close()


def test_a_newer_one_takes_the_place_of_one_that_was_not_written(writer: CheckpointWriter, disk: Disk) -> None:
    put(writer, disk, 1)
    writer.wait(1)
    disk.full = True
    put(writer, disk, 2)
    writer.wait(2)
    put(writer, disk, 4)
    writer.wait(4)
    disk.full = False
    writer.finish()
    assert [saved.path.name[-1] for saved in writer.run.complete()] == ["1", "4"]
    writer.close()


def test_going_back_forgets_what_was_not_written(writer: CheckpointWriter, disk: Disk) -> None:
    path = put(writer, disk, 1)
    writer.wait(1)
    disk.full = True
    put(writer, disk, 2)
    writer.wait(2)
    writer.go_back_to(path)
    disk.full = False
    writer.finish()
    assert [saved.path.name[-1] for saved in writer.run.complete()] == ["1"]
    writer.close()


def test_what_a_resume_goes_on_from_is_good(tmp_path: Path, disk: Disk) -> None:
    first = open_writer(tmp_path)
    path = put(first, disk, 1)
    first.finish()
    first.close()
    disk.full = True
    writer = open_writer(tmp_path)
    put(writer, disk, 2)
    with pytest.raises(StorageError, match=f"the last good checkpoint is {path}: make room or mend that"):
        writer.finish()
    writer.close()


def test_a_good_one_that_is_gone_is_good_no_more(writer: CheckpointWriter, disk: Disk) -> None:
    path = put(writer, disk, 1)
    writer.wait(1)
    path.rename(path.with_name("gone"))
    disk.full = True
    put(writer, disk, 2)
    with pytest.raises(StorageError, match="this run has no good checkpoint yet"):
        writer.wait(2)
    writer.close()


def test_what_was_under_way_at_an_error_of_training_is_said(
    writer: CheckpointWriter, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.full = True
    path = put(writer, disk, 1)
    writer.close()
    assert warnings(caplog) == [f"cannot save {path}: [Errno 28] No space left on device"]


def test_retention_that_is_refused_is_tried_again_without_writing_again(
    writer: CheckpointWriter, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([OSError(5, "Input/output error")] * 3)

    def refresh(self: RunDirectory) -> None:
        for error in refusals:
            raise error

    monkeypatch.setattr(RunDirectory, "refresh", refresh)
    put(writer, disk, 1)
    writer.finish()
    assert disk.tries == 1
    writer.close()


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (2, 3), (3, 4)])
def test_persistently(disk: Disk, failures: int, calls: int) -> None:
    made: list[int] = []

    def action() -> str:
        made.append(1)
        if len(made) <= failures:
            raise OSError
        return "done"

    assert persistently(action) == "done"
    assert len(made) == calls


@pytest.mark.parametrize(("error", "calls"), [(OSError, 4), (ValueError, 1)])
def test_not_for_ever_and_not_for_every_error(disk: Disk, error: type[Exception], calls: int) -> None:
    made: list[Callable[[], None]] = []

    def action() -> None:
        made.append(action)
        raise error

    with pytest.raises(error):
        persistently(action)
    assert len(made) == calls
