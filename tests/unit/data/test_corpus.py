from pathlib import Path

import pytest

from seqtrain.data.corpus import TextCorpus, find_directory, place
from seqtrain.data.dictionary_files import DictionaryFiles
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import ConfigError, DataError


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "train.en").write_text("a b\n\n")
    (tmp_path / "more.en").write_text("a\n")
    return [tmp_path / "train.en", tmp_path / "more.en"]


def test_text(files: list[Path], tmp_path: Path) -> None:
    corpus, tokenizer = TextCorpus(), WhitespaceTokenizer(WhitespaceConfig())
    learned = corpus.learn(tokenizer, {"en": [("en", files)]}, tmp_path / "cache")
    dictionary = tokenizer.load(learned, "en")
    tokens = corpus.index(files, dictionary, tmp_path / "cache")
    assert [tokens[number].tolist() for number in range(3)] == [[4, 5, 2], [2], [4, 2]]
    assert list(corpus.lines(files, dictionary)) == ["a b", "", "a"]
    assert [corpus.sizes(file) for file in files] == [[(files[0], 2)], [(files[1], 1)]]
    assert corpus.describe("train.en", files[0])["train.en"].size == 2


def test_all_text_has_the_same_turn(files: list[Path]) -> None:
    assert (TextCorpus().num_turns, TextCorpus().turns(files).tolist()) == (1, [0, 0, 0])


def test_sides_of_different_size(files: list[Path]) -> None:
    assert TextCorpus().check_parallel(files[0], files[0]) == [(files[0], 2)]
    with pytest.raises(DataError, match=r"train.en has 2 lines and .*more.en has 1"):
        TextCorpus().check_parallel(*files)


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


def test_what_text_has_besides_is_appended(files: list[Path], tmp_path: Path) -> None:
    corpus, tokenizer = TextCorpus(), WhitespaceTokenizer(WhitespaceConfig())
    known = DictionaryFiles({"dict.en.txt": b"z 1\nb 1\n"})
    extended = corpus.extend(tokenizer, {"en": [("en", files)]}, known, tmp_path / "cache")
    assert DictionaryFiles.read(extended).contents == {"dict.en.txt": b"z 1\nb 1\na 2\n"}
    known = DictionaryFiles({"dict.en.txt": b"c 1\n"})
    assert corpus.extend(tokenizer, {"en": [("en", files)]}, known, tmp_path / "cache") != extended
