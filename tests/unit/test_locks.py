import errno
import fcntl
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqtrain.errors import ConfigError, StorageError
from seqtrain.locks import LOCK, locked

HOLD = """
import sys
from pathlib import Path
from seqtrain.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time_and_the_other_is_named(tmp_path: Path) -> None:
    place = tmp_path / "run"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, place], **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError, match=rf"run is in use by process {other.pid} on \S+: wait"), locked(place):
            raise AssertionError
        other.kill()
    with locked(place):
        assert (place / LOCK).read_text().startswith(f"process {os.getpid()} on ")


def test_this_process_has_it_already(tmp_path: Path) -> None:
    with locked(tmp_path):
        with locked(tmp_path / "."):
            pass
        with (tmp_path / LOCK).open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with caplog.at_level(logging.WARNING), locked(tmp_path):
        assert "cannot be locked ([Errno 37] No locks available)" in caplog.text


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"), locked(tmp_path / "file" / "run"):
        raise AssertionError


def test_a_full_disk_does_not_unlock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.pwrite", refuse)
    with locked(tmp_path), (tmp_path / LOCK).open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
