import hashlib
import json
from pathlib import Path

import pytest

from seqtrain.errors import CheckpointError
from seqtrain.manifest import FileRecord, read_manifest, verify, write_manifest


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer/words.txt").write_text("a\n")
    (tmp_path / "empty").write_text("")
    write_manifest(tmp_path)
    return tmp_path


def edit(directory: Path, **entries: object) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps(manifest | entries))


def test_holds_size_and_sha256_of_each_file(directory: Path) -> None:
    assert read_manifest(directory) == {
        "empty": FileRecord(0, hashlib.sha256(b"").hexdigest()),
        "tokenizer/words.txt": FileRecord(2, hashlib.sha256(b"a\n").hexdigest()),
    }
    verify(directory)


@pytest.mark.parametrize(
    ("content", "problem"),
    [("", "cut short (0 bytes, 2 were written)"), ("b\n", "damaged (2 bytes"), ("aaa", "damaged (3 bytes")],
)
def test_a_changed_file_is_named(directory: Path, content: str, problem: str) -> None:
    (directory / "tokenizer/words.txt").write_text(content)
    with pytest.raises(CheckpointError) as error:
        verify(directory)
    assert f"{directory / 'tokenizer/words.txt'} is {problem}" in str(error.value)


def test_a_missing_file_is_named(directory: Path) -> None:
    (directory / "empty").unlink()
    with pytest.raises(CheckpointError, match="empty is missing: use another checkpoint"):
        verify(directory)


def test_another_version_is_named(directory: Path) -> None:
    edit(directory, version=2)
    with pytest.raises(CheckpointError, match="has format version 2; this seqtrain reads version 1"):
        verify(directory)


@pytest.mark.parametrize("name", ["/etc/passwd", "../words.txt", "a/../../words.txt"])
def test_files_elsewhere_are_refused(directory: Path, name: str) -> None:
    edit(directory, files={name: {"bytes": 0, "sha256": ""}})
    with pytest.raises(CheckpointError, match="which is not in the checkpoint"):
        read_manifest(directory)


@pytest.mark.parametrize("files", [[], ["empty"], [["empty", 1]], "empty", 3, None, {"empty": 3}, {"empty": {}}])
def test_files_that_are_no_table(directory: Path, files: object) -> None:
    edit(directory, files=files)
    with pytest.raises(CheckpointError, match=r"manifest\.json is damaged: use another checkpoint"):
        verify(directory)


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_no_manifest(directory: Path, text: str) -> None:
    (directory / "manifest.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"manifest.json is missing or damaged"):
        verify(directory)


@pytest.mark.parametrize("name", ["", ".", "./empty", "tokenizer//words.txt", "tokenizer/", "a\0b"])
def test_names_are_spelled_in_one_way(directory: Path, name: str) -> None:
    edit(directory, files={name: {"bytes": 0, "sha256": "0" * 64}})
    with pytest.raises(CheckpointError, match="which is not in the checkpoint"):
        read_manifest(directory)


@pytest.mark.parametrize(
    "entry", [{"bytes": -1}, {"bytes": True}, {"bytes": "0"}, {"sha256": "0"}, {"sha256": None}, {"more": 1}]
)
def test_entries_that_cannot_be(directory: Path, entry: dict[str, object]) -> None:
    edit(directory, files={"empty": {"bytes": 0, "sha256": "0" * 64} | entry})
    with pytest.raises(CheckpointError, match=r"manifest\.json is damaged: use another checkpoint"):
        read_manifest(directory)


def test_a_file_under_two_names_in_the_text(directory: Path) -> None:
    text = (directory / "manifest.json").read_text()
    (directory / "manifest.json").write_text(text.replace('"tokenizer/words.txt"', '"empty"'))
    with pytest.raises(CheckpointError, match="the key 'empty' is there twice"):
        read_manifest(directory)


def test_links_to_elsewhere_are_refused(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (directory / "empty").rename(outside / "empty")
    (directory / "empty").symlink_to(outside / "empty")
    with pytest.raises(CheckpointError, match="empty is a link to elsewhere: use another checkpoint"):
        verify(directory)


def test_a_link_to_the_directory_itself_is_fine(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "best"
    link.symlink_to(directory)
    verify(link)


def test_a_name_that_no_file_system_takes(directory: Path) -> None:
    edit(directory, files={"x" * 5000: {"bytes": 0, "sha256": "0" * 64}})
    with pytest.raises(CheckpointError, match="cannot be read"):
        verify(directory)


def test_what_was_added_among_the_files(directory: Path) -> None:
    (directory / "notes.txt").write_text("beside them nothing is read")
    verify(directory)
    (directory / "tokenizer/more.txt").symlink_to("words.txt")
    with pytest.raises(CheckpointError, match=r"tokenizer/more\.txt was added later \(remove it\)"):
        verify(directory)
