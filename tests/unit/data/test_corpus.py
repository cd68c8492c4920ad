from pathlib import Path

import pytest

from seqtrain.data.corpus import find_directory, place
from seqtrain.errors import ConfigError

FILES = [(Path("a"), 2), (Path("b"), 0), (Path("c"), 1)]


def test_lines_of_several_files_are_counted_through() -> None:
    assert [place(number, FILES) for number in range(3)] == ["a:1", "a:2", "c:1"]
    with pytest.raises(IndexError):
        place(3, FILES)


def test_a_directory_of_the_users(tmp_path: Path) -> None:
    assert find_directory(str(tmp_path), tmp_path / "cache") == tmp_path
    assert find_directory("~/data", tmp_path / "cache") == Path.home() / "data"
    assert not (tmp_path / "cache").exists()


def test_the_built_in_corpus(tmp_path: Path) -> None:
    directory = find_directory("builtin:number_names", tmp_path)
    assert directory.parent == tmp_path
    assert (directory / "train.de").is_file()
    with pytest.raises(ConfigError, match="the one built-in corpus is builtin:number_names"):
        find_directory("builtin:letters", tmp_path)
