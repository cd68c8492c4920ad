import hashlib
from pathlib import Path

from seqtrain.data.cache import cached
from seqtrain.data.dictionary_files import DictionaryFiles


def test_files_are_read_and_written_but_for_those_of_the_cache(tmp_path: Path) -> None:
    def make(directory: Path) -> None:
        (directory / "b").write_bytes(b"2")
        (directory / "a").write_bytes(b"1")

    found = DictionaryFiles.read(cached(tmp_path, "entry", {}, make))
    assert [*found.contents.items()] == [("a", b"1"), ("b", b"2")]
    assert found.hashes() == {name: hashlib.sha256(text).hexdigest() for name, text in (("a", b"1"), ("b", b"2"))}
    (tmp_path / "copy").mkdir()
    found.write(tmp_path / "copy")
    assert DictionaryFiles.read(tmp_path / "copy") == found


def test_at_first_there_are_none() -> None:
    assert not DictionaryFiles().contents
