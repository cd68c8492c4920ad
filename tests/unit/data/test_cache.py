import fcntl
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain.data.cache import cached
from seqtrain.errors import DataError

KEY = {"text": ["0123", "4567"], "size": 3}


def writing(text: str) -> Callable[[Path], None]:
    def make(directory: Path) -> None:
        (directory / "content").write_text(text)

    return make


def temporaries(directory: Path) -> list[Path]:
    return list(directory.glob(".tmp-*"))


def test_makes_an_entry_once(tmp_path: Path) -> None:
    entry = cached(tmp_path / "deep" / "cache", "tokens", KEY, writing("first"))
    assert cached(tmp_path / "deep" / "cache", "tokens", dict(reversed(KEY.items())), writing("second")) == entry
    assert (entry / "content").read_text() == "first"
    assert json.loads((entry / "key.json").read_text()) == KEY
    assert list(entry.parent.iterdir()) == [entry]


def test_the_name_says_kind_and_key(tmp_path: Path) -> None:
    # printf '{"size": 3, "text": ["0123", "4567"]}' | sha256sum
    assert cached(tmp_path, "tokens", KEY, writing("")).name == "tokens-506b4bd3ca899d32"
    assert cached(tmp_path, "tokens", {**KEY, "size": 4}, writing("")).name != "tokens-506b4bd3ca899d32"


def test_an_entry_is_readable_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        entry = cached(tmp_path, "tokens", KEY, writing(""))
    finally:
        os.umask(mask)
    assert entry.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail(directory: Path) -> None:
        (directory / "content").write_text("half")
        raise error

    with pytest.raises(type(error)):
        cached(tmp_path, "tokens", KEY, fail)
    assert list(tmp_path.iterdir()) == []
    assert (cached(tmp_path, "tokens", KEY, writing("whole")) / "content").read_text() == "whole"


def test_the_faster_of_two_wins(tmp_path: Path) -> None:
    def slow(directory: Path) -> None:
        (directory / "content").write_text("slow")
        cached(tmp_path, "tokens", KEY, writing("fast"))

    entry = cached(tmp_path, "tokens", KEY, slow)
    assert (entry / "content").read_text() == "fast"
    assert list(tmp_path.iterdir()) == [entry]


def test_many_at_once_agree(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found = []

    def work(number: int) -> None:
        start.wait()
        entry = cached(tmp_path, "tokens", KEY, writing(str(number)))
        found.append((entry / "content").read_text())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert temporaries(tmp_path) == []


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".tmp-tokens-0123-4567"
    left.mkdir()
    (left / "half").write_text("half")
    os.utime(left, (0, 0))
    cached(tmp_path, "tokens", KEY, writing(""))
    assert temporaries(tmp_path) == []


def test_what_a_living_process_makes_is_kept(tmp_path: Path) -> None:
    other = {"text": "another"}

    def slow(directory: Path) -> None:
        os.utime(directory, (0, 0))
        cached(tmp_path, "tokens", other, writing(""))
        assert temporaries(tmp_path) == [directory]

    cached(tmp_path, "tokens", KEY, slow)


def test_what_is_new_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".tmp-tokens-new").mkdir()
    cached(tmp_path, "tokens", KEY, writing(""))
    assert temporaries(tmp_path) == [tmp_path / ".tmp-tokens-new"]


def test_unwritable_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"cannot write to the cache .*file.*; choose another .* dataset\.cache_dir=DIR"
    ):
        cached(tmp_path / "file", "tokens", KEY, writing(""))


def test_full_disk(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"No space left on device; .*dataset\.cache_dir"):
        cached(tmp_path, "tokens", KEY, fail)
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_make_pass(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        raise FileNotFoundError(2, "No such file", "train.en")

    with pytest.raises(FileNotFoundError):
        cached(tmp_path, "tokens", KEY, fail)


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cached(Path("~/cache"), "tokens", KEY, writing("")).parent == tmp_path / "cache"


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    left = tmp_path / ".tmp-tokens-0123-4567"
    left.mkdir()
    os.utime(left, (0, 0))
    assert (cached(tmp_path, "tokens", KEY, writing("x")) / "content").read_text() == "x"
    assert temporaries(tmp_path) == [left]


@pytest.mark.parametrize("file", ["content", "key.json", "manifest.json"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("whole"))
    (entry / file).write_text("damaged")
    assert cached(tmp_path, "tokens", KEY, writing("whole")) == entry
    assert (entry / "content").read_text() == "whole"
    assert json.loads((entry / "key.json").read_text()) == KEY
    [message] = caplog.messages
    assert str(entry / file) in message and message.endswith("this part of the cache is made again")
    assert list(tmp_path.iterdir()) == [entry]


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("whole"))
    (entry / "content").unlink()
    cached(tmp_path, "tokens", KEY, writing("whole"))
    assert (entry / "content").read_text() == "whole"


def test_an_entry_in_anothers_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("this"))
    other = cached(tmp_path, "tokens", {"text": "another"}, writing("another"))
    shutil.rmtree(entry)
    other.rename(entry)
    cached(tmp_path, "tokens", KEY, writing("this"))
    assert (entry / "content").read_text() == "this"
    assert f"{entry} holds what was made for another key" in caplog.text


def test_a_whole_entry_is_left_alone(tmp_path: Path) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("whole"))
    before = entry.stat()
    cached(tmp_path, "tokens", KEY, writing("other"))
    assert (entry.stat().st_ino, entry.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_many_at_once_make_a_damaged_entry_again(tmp_path: Path) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("whole"))
    for _ in range(20):
        (entry / "content").write_text("damaged")
        start = threading.Barrier(6)
        found: list[str] = []

        def work(start: threading.Barrier = start, found: list[str] = found) -> None:
            start.wait()
            found.append((cached(tmp_path, "tokens", KEY, writing("whole")) / "content").read_text())

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["whole"] * 6
        assert list(tmp_path.iterdir()) == [entry]


def test_another_process_was_faster_to_make_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("whole"))
    (entry / "content").write_text("damaged")

    def lock(descriptor: int, how: int) -> None:
        if not how & fcntl.LOCK_NB:
            (entry / "content").write_text("whole")

    monkeypatch.setattr("fcntl.flock", lock)
    cached(tmp_path, "tokens", KEY, writing("not made"))
    assert (entry / "content").read_text() == "whole"


def test_a_damaged_entry_that_cannot_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cached(tmp_path, "tokens", KEY, writing("whole"))
    (entry / "content").write_text("damaged")

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DataError, match=r"cannot write to the cache .*Permission denied.*dataset\.cache_dir"):
        cached(tmp_path, "tokens", KEY, writing("whole"))
