"""A log that the disk refuses."""

import io
import logging
from pathlib import Path

import pytest
from rich.console import Console

from seqtrain.training.logs import FileHandler, logging_to

log = logging.getLogger("seqtrain.test")
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


@needs_full
def test_a_full_disk_is_named_once_and_training_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.log").symlink_to(FULL)
    shown = io.StringIO()
    with logging_to(Console(file=shown, width=200), tmp_path / "train.log"):
        for number in range(5):
            log.info("message %d", number)
    warning = f"warning: cannot write {tmp_path / 'train.log'}: No space left on device; it will lack lines"
    assert shown.getvalue().splitlines() == ["message 0", warning, *(f"message {n}" for n in range(1, 5))]
    assert capsys.readouterr() == ("", "")


@needs_full
def test_a_console_on_a_full_disk(tmp_path: Path) -> None:
    console = Console(file=FULL.open("w"))
    with logging_to(console, tmp_path / "train.log"):
        log.info("message")
    with pytest.raises(OSError, match="No space"):
        console.file.close()
    assert "message" in (tmp_path / "train.log").read_text()


def test_a_reader_that_has_gone_ends_the_program() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with logging_to(Console(file=Gone())), pytest.raises((BrokenPipeError, SystemExit)):
        log.info("message")


def test_other_errors_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = FileHandler(tmp_path / "train.log", Console(file=io.StringIO()))
    handler.emit(logging.makeLogRecord({"msg": "%d", "args": ("text",)}))
    handler.close()
    assert "Logging error" in capsys.readouterr().err
