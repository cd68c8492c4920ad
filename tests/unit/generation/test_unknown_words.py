from pathlib import Path

import pytest
import torch

from seqtrain.base import Alignment
from seqtrain.data.tags import TaggedDictionary
from seqtrain.data.tokenizers import Dictionary
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig, SentencePieceTokenizer
from seqtrain.data.tokenizers.whitespace import PostProcess, WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import DataError
from seqtrain.generation.unknown_words import decode_replacing, read_replacements

NO_ATTENTION = torch.empty(0, 0)


@pytest.fixture
def words(tmp_path: Path) -> Dictionary:
    """The symbols das 4, ist 5, Haus 6."""
    (tmp_path / "words").write_text("das 3\nist 2\nHaus 1\n")
    tokenizer = WhitespaceTokenizer(WhitespaceConfig(dictionary=str(tmp_path / "words")))
    tokenizer.train([], tmp_path, "de")
    return tokenizer.load(tmp_path, "de")


def replaced(
    tokens: list[int], links: list[tuple[int, int]], source: str, dictionary: Dictionary, **replacements: str
) -> str:
    alignment, words = Alignment(NO_ATTENTION, links), dictionary.split(source)
    return decode_replacing(torch.tensor(tokens), alignment, words, dictionary, replacements)


def test_unknown_words_are_copied_or_translated(words: Dictionary) -> None:
    tokens, links = [3, 5, 4, 3, 2], [(2, 0), (1, 1), (0, 2), (3, 3)]
    assert replaced(tokens, links, "the is Anna  yard", words) == "Anna ist das yard"
    assert replaced(tokens, links, "the is Anna  yard", words, yard="Hof", the="der") == "Anna ist das Hof"


def test_what_is_known_stays(words: Dictionary) -> None:
    assert replaced([4, 6, 2], [(0, 0), (1, 1)], "the house", words, the="der") == "das Haus"


def test_a_source_without_text_replaces_nothing(words: Dictionary) -> None:
    assert replaced([3, 4, 2], [], "", words) == "<unk> das"


def test_tags_are_left_out_and_not_counted(words: Dictionary) -> None:
    tagged = TaggedDictionary(words, ["<de>"])
    assert replaced([7, 4, 3, 2], [(0, 0), (1, 1)], "the yard", tagged) == "das yard"


def test_subwords_are_replaced_before_they_are_joined(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("a@@ 3\nb 2\n")
    cfg = WhitespaceConfig(dictionary=str(tmp_path / "words"), post_process=PostProcess.subword_nmt)
    tokenizer = WhitespaceTokenizer(cfg)
    tokenizer.train([], tmp_path, "de")
    dictionary = tokenizer.load(tmp_path, "de")
    assert (
        replaced([4, 5, 3, 5, 3, 2], [(0, 0), (1, 1), (2, 2), (1, 3), (3, 4)], "a@@ b x@@ y", dictionary) == "ab xb y"
    )


def test_pieces_of_sentencepiece(tmp_path: Path) -> None:
    tokenizer = SentencePieceTokenizer(SentencePieceConfig(vocab_size=12))
    tokenizer.train(["ab ba", "ab"], tmp_path, "joined")
    dictionary = tokenizer.load(tmp_path, "joined")
    source = "ab Ω ba"
    ids, symbols = dictionary.encode(source), dictionary.split(source)
    assert symbols[ids.index(3)] == "Ω"
    links = [(place, place) for place in range(len(ids))]
    assert replaced([*ids, 2], links, source, dictionary) == source
    assert replaced([*ids, 2], links, source, dictionary, Ω="omega") == "ab omega ba"


def test_the_file_has_two_columns(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("yard Hof\nthe\tder 0.7\n\u00e9 e\nyard Garten\n", encoding="utf-8")
    assert read_replacements(tmp_path / "words") == {"yard": "Garten", "the": "der", "é": "e"}


@pytest.mark.parametrize("line", ["yard", ""])
def test_a_line_with_less(tmp_path: Path, line: str) -> None:
    (tmp_path / "words").write_text(f"the der\n{line}\na b\n")
    with pytest.raises(DataError, match=rf"words:2: expected a word and its translation, found '{line}'"):
        read_replacements(tmp_path / "words")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there"):
        read_replacements(tmp_path / "there")
