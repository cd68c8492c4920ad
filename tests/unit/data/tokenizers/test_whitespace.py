from pathlib import Path
from typing import Any

import pytest

from seqtrain.data.tokenizers.whitespace import PostProcess, WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import ConfigError, DataError

LINES = ["b b a", "a c", ""]


def train(directory: Path, **config: Any) -> str:
    WhitespaceTokenizer(WhitespaceConfig(**config)).train(LINES, directory, "de")
    return (directory / "dict.de.txt").read_text(encoding="utf-8")


def test_file_and_ids_are_fairseqs(tmp_path: Path) -> None:
    assert train(tmp_path, padding_factor=8) == "a 2\nb 2\nc 1\nmadeupword0000 0\n"
    dictionary = WhitespaceTokenizer(WhitespaceConfig()).load(tmp_path, "de")
    assert [dictionary.symbol(id) for id in range(len(dictionary))] == [
        *("<s>", "<pad>", "</s>", "<unk>"),
        *("a", "b", "c", "madeupword0000"),
    ]
    assert dictionary.encode("b  c\ta d") == [5, 6, 4, 3]
    assert dictionary.decode([0, 5, 6, 4, 3, 2, 1]) == "b c a <unk>"
    assert dictionary.split("b  c\ta d") == ["b", "c", "a", "d"]
    assert dictionary.decode_with([0, 3, 5, 3, 3, 2, 1], ["x", "y"]) == "x b y <unk>"


def test_no_padding_by_default(tmp_path: Path) -> None:
    assert train(tmp_path) == "a 2\nb 2\nc 1\n"


def test_threshold(tmp_path: Path) -> None:
    assert train(tmp_path, threshold=2) == "a 2\nb 2\n"


def test_nwords_counts_the_special_symbols(tmp_path: Path) -> None:
    assert train(tmp_path, nwords=5) == "a 2\n"
    assert train(tmp_path, nwords=100) == "a 2\nb 2\nc 1\n"
    assert train(tmp_path, nwords=6, padding_factor=4) == "a 2\nb 2\nmadeupword0000 0\nmadeupword0001 0\n"


def test_special_symbols_in_the_text_are_not_counted(tmp_path: Path) -> None:
    tokenizer = WhitespaceTokenizer(WhitespaceConfig())
    tokenizer.train(["<s> <s> <unk> a </s>"], tmp_path, "de")
    assert tokenizer.load(tmp_path, "de").encode("<s> a <unk>") == [3, 4, 3]


def test_an_existing_dictionary_is_copied(tmp_path: Path) -> None:
    (tmp_path / "my.de.txt").write_text("x 5\ny 4\n")
    (tmp_path / "run").mkdir()
    config = WhitespaceConfig(dictionary=str(tmp_path / "my.{name}.txt"))
    tokenizer = WhitespaceTokenizer(config)
    tokenizer.train(LINES, tmp_path / "run", "de")
    assert tokenizer.external_files("de") == [tmp_path / "my.de.txt"]
    assert tokenizer.load(tmp_path / "run", "de").encode("y x a") == [5, 4, 3]


def test_an_existing_dictionary_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the dictionary .*my\.de\.txt: No such file"):
        train(tmp_path, dictionary=str(tmp_path / "my.{name}.txt"))
    (tmp_path / "my.de.txt").write_text("x 5\nx 4\n")
    with pytest.raises(DataError, match=r"my\.de\.txt:2: the symbol 'x'"):
        train(tmp_path, dictionary=str(tmp_path / "my.{name}.txt"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"padding_factor": 0}, r"WhitespaceConfig\.padding_factor=0 must be at least 1"),
        ({"nwords": 4}, r"tokenizer\.nwords=4 leaves room for no word"),
    ],
)
def test_ranges(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WhitespaceConfig(**config)


@pytest.mark.parametrize("limit", [{"threshold": 5}, {"nwords": 5}])
def test_a_dictionary_that_is_there_is_not_limited(tmp_path: Path, limit: dict[str, Any]) -> None:
    (tmp_path / "dict.txt").write_text("x 5\n")
    message = (
        rf"tokenizer.{next(iter(limit))}=5 is for symbols that are counted; here they are those of .*dict.txt, as they"
    )
    with pytest.raises(ConfigError, match=message):
        train(tmp_path, dictionary=str(tmp_path / "dict.txt"), **limit)
    with pytest.raises(ConfigError, match=message):
        WhitespaceTokenizer(WhitespaceConfig(**limit)).adopt(tmp_path / "dict.txt", tmp_path / "cache", "de")


def test_everything_below_the_threshold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no symbols for the dictionary 'de': no symbol occurs 3 times"):
        train(tmp_path, threshold=3, padding_factor=8)


@pytest.mark.parametrize(
    ("post_process", "expected"),
    [
        (PostProcess.none, "\u2581a b@@ c \u2581d@@"),
        (PostProcess.subword_nmt, "\u2581a bc \u2581d"),
        (PostProcess.sentencepiece, "ab@@c d@@"),
    ],
)
def test_subwords_become_words(tmp_path: Path, post_process: PostProcess, expected: str) -> None:
    tokenizer = WhitespaceTokenizer(WhitespaceConfig(post_process=post_process))
    tokenizer.train(["\u2581a b@@ c \u2581d@@"], tmp_path, "de")
    dictionary = tokenizer.load(tmp_path, "de")
    assert dictionary.decode(dictionary.encode("\u2581a b@@ c \u2581d@@")) == expected


def test_a_dictionary_of_fairseq_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("x 5\ny 4\nmadeupword0000 0\n")
    tokenizer = WhitespaceTokenizer(WhitespaceConfig())
    tokenizer.adopt(tmp_path / "dict.txt", tmp_path, "de")
    assert (tmp_path / "dict.de.txt").read_bytes() == (tmp_path / "dict.txt").read_bytes()
    assert tokenizer.load(tmp_path, "de").encode("y x a") == [5, 4, 3]
