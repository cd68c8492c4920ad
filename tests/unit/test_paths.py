import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqtrain.errors import SeqtrainError, StorageError
from seqtrain.paths import (
    atomic_directory,
    atomic_file,
    read_link,
    remove_leftovers,
    replace_link,
    temporary_name,
    tree,
    writable,
)


def test_a_directory_appears_whole(tmp_path: Path) -> None:
    with atomic_directory(tmp_path / "deep" / "d") as temporary:
        (temporary / "file").write_text("x")
        assert not (tmp_path / "deep" / "d").exists()
    assert (tmp_path / "deep" / "d" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["d"]


def test_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_directory(tmp_path / "d") as temporary:
        (temporary / "file").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_never_onto_an_existing_one(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), atomic_directory(tmp_path):
        pass


def test_a_refusal_of_the_file_system_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SeqtrainError) as error, atomic_directory(tmp_path / "file" / "d"):
        pass
    assert str(error.value) == f"cannot write {tmp_path / 'file' / 'd'}: Not a directory; choose another place"


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), writable(Path("x")):
        1 / 0  # noqa: B018  # raises


def test_links(tmp_path: Path) -> None:
    link = tmp_path / "best"
    assert read_link(link) is None
    for target in ("a", "b"):
        (tmp_path / target).mkdir()
        replace_link(link, target)
        assert read_link(link) == tmp_path / target
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "best"]


def test_text_files_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: str) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    (tmp_path / "a").mkdir()
    replace_link(tmp_path / "best", "a")
    assert (tmp_path / "best").read_text() == "a\n"
    assert read_link(tmp_path / "best") == tmp_path / "a"


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with atomic_file(file) as new:
        new.write("new\n")
        assert file.read_text() == "old"
    assert file.read_bytes() == b"new\n"
    with pytest.raises(RuntimeError), atomic_file(file) as new:
        new.write("half")
        raise RuntimeError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new\n"]


def test_a_file_where_none_can_be(tmp_path: Path) -> None:
    with pytest.raises(SeqtrainError, match="cannot write"), atomic_file(tmp_path / "nowhere" / "a"):
        raise AssertionError


def test_leftovers_go_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    temporary_name(tmp_path / "lost").mkdir()
    temporary_name(tmp_path / "metrics.jsonl").touch()
    temporary_name(tmp_path / "last").symlink_to("nowhere")
    temporary_name(tmp_path / "best").symlink_to("kept")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_leftovers_of_any_kind_go(tmp_path: Path) -> None:
    temporary_name(tmp_path / "file").touch()
    temporary_name(tmp_path / "link").symlink_to("nowhere")
    (temporary_name(tmp_path / "directory") / "deep").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    temporary_name(tmp_path / "link").symlink_to("kept")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_file_for_which_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *how, **options: opened(Path("/dev/full"), *how, **options))
    monkeypatch.setattr("shutil.copymode", lambda *paths: None)
    with (
        pytest.raises(StorageError, match=r"cannot write .*a: No space left on device"),
        atomic_file(tmp_path / "a") as f,
    ):
        f.write("new")
    monkeypatch.undo()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_link_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="no"):
        replace_link(tmp_path / "best", "a")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_where_a_link_was_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "file").touch()
    assert read_link(tmp_path / "best") == tmp_path / "best"
    replace_link(tmp_path / "best", "update-1")
    assert read_link(tmp_path / "best") == tmp_path / "update-1"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(mode)
    with atomic_file(file) as opened:
        (unfinished,) = [path for path in tmp_path.iterdir() if path != file]
        assert unfinished.stat().st_mode & 0o777 == mode, "before anything is in it"
        opened.write("new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 5000])
def test_a_file_that_stands_for_no_link(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "best").write_bytes(content)
    assert read_link(tmp_path / "best") is None


def test_a_tree_in_order_and_none_that_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/d").touch()
    (tmp_path / "a").touch()
    (tmp_path / "b/loop").symlink_to(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in tree(tmp_path)] == ["a", "b", "b/c", "b/c/d", "b/loop"]
    iterdir = Path.iterdir

    def refuse(self: Path) -> Iterator[Path]:
        if self.name == "c":
            raise OSError(errno.EIO, "Input/output error")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        tree(tmp_path)
