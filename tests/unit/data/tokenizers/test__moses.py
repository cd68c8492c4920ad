import sys
from pathlib import Path

import pytest

from seqtrain.data.tokenizers._moses import Moses, MosesDictionary
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import ConfigError

ENGLISH = "It's Mr. Smith's dog & cat - well-known, isn't it?"


def test_rules_of_languages() -> None:
    words = "It &apos;s Mr. Smith &apos;s dog &amp; cat - well @-@ known , isn &apos;t it ?"
    assert Moses("en").tokenize(ENGLISH) == words
    assert Moses("en").detokenize(words) == ENGLISH
    assert Moses("de").tokenize("am 3. Mai") == "am 3. Mai"
    assert Moses("en").tokenize("am 3. Mai") == "am 3 . Mai"
    assert Moses("fr").detokenize("l&apos; été") == "l'été"


def test_options() -> None:
    assert Moses("en", dash_splits=False).tokenize("well-known") == "well-known"
    assert Moses("en", escape=False).tokenize("a & b") == "a & b"
    assert Moses("en", escape=False).detokenize("a &amp; b") == "a &amp; b"
    assert Moses("en", normalize=True).tokenize("„a“ …") == "&quot; a &quot; ..."


def test_one_dictionary_for_two_languages(tmp_path: Path) -> None:
    tokenizer = WhitespaceTokenizer(WhitespaceConfig(moses=True))
    english, german = ["It's 3. May"], ["am 3. Mai"]
    tokenizer.train([*tokenizer.words_of(english, "en"), *tokenizer.words_of(german, "de")], tmp_path, "joined")
    dictionary = tokenizer.load(tmp_path, "joined")
    source, target = dictionary.in_language("en"), dictionary.in_language("de")
    assert source.shares_ids_with(target)
    assert not source.shares_ids_with(tokenizer.load(tmp_path, "joined"))
    assert source.fingerprint != target.fingerprint
    assert [source.symbol(id) for id in source.encode("It's 3. May")] == ["It", "&apos;s", "3", ".", "May"]
    assert [target.symbol(id) for id in target.encode("am 3. Mai")] == ["am", "3.", "Mai"]
    assert source.decode(source.encode("It's")) == "It's"
    assert source.split("It's Anna.") == ["It", "&apos;s", "Anna", "."]
    assert source.decode_with([*source.encode("It's"), 3], ["Tom&apos;s"]) == "It's Tom's"
    assert source.encode("Mai") == target.encode("Mai")


def test_without_moses_a_dictionary_knows_no_language(tmp_path: Path) -> None:
    tokenizer = WhitespaceTokenizer(WhitespaceConfig())
    tokenizer.train(tokenizer.words_of(["It's"], "en"), tmp_path, "joined")
    dictionary = tokenizer.load(tmp_path, "joined")
    assert dictionary.in_language("de") is dictionary
    assert dictionary.encode("It's") == [4]


def test_without_sacremoses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tokenizer = WhitespaceTokenizer(WhitespaceConfig())
    tokenizer.train(["a"], tmp_path, "joined")
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    with pytest.raises(ConfigError, match=r"needs the package sacremoses: pip install 'seqtrain\[moses\]'"):
        MosesDictionary(tokenizer.load(tmp_path, "joined"), Moses("en"))
