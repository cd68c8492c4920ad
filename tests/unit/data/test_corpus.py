from pathlib import Path

import pytest

from seqtrain.data.corpus import TextCorpus
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import DataError


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
