from pathlib import Path

import pytest

from seqtrain.errors import SeqtrainError
from seqtrain.paths import atomic_directory, read_link, replace_link, writable


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
