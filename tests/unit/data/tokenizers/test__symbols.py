from collections import Counter
from pathlib import Path

import pytest

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers._symbols import SymbolDictionary, most_frequent
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig, WhitespaceTokenizer


def dictionary(path: Path, content: str) -> SymbolDictionary:
    path.write_text(content, encoding="utf-8", newline="\n")
    return SymbolDictionary(read_symbols(path), str.split, " ")


def test_order_is_by_falling_count_then_alphabetical() -> None:
    counts = Counter({"b": 2, "a": 2, "c": 1, "ä": 2, "B": 2, "d": 3})
    assert most_frequent(counts, threshold=2) == [("d", 3), ("B", 2), ("a", 2), ("b", 2), ("ä", 2)]


def test_the_flag_gives_a_symbol_a_new_id(tmp_path: Path) -> None:
    found = dictionary(tmp_path / "d", "a 3\nb 2\na 1 #fairseq:overwrite\n<s> 1 #fairseq:overwrite\n")
    assert len(found) == 8
    assert found.encode("a b <s> </s>") == [6, 5, 7, 3]
    assert found.decode([4, 5, 6, 7]) == "a b a <s>"


def test_fingerprint_is_of_the_symbols(tmp_path: Path) -> None:
    prints = {dictionary(tmp_path / "d", content).fingerprint for content in ("a 2\nb 1\n", "a 9\nb 1\n", "b 2\na 1\n")}
    assert len(prints) == 2


@pytest.mark.parametrize(("threshold", "added"), [(0, "d 3\nc 1\n"), (2, "d 3\n")])
def test_extended_a_dictionary_goes_on(tmp_path: Path, threshold: int, added: str) -> None:
    (tmp_path / "dict.en.txt").write_text("b 2\na 1")  # no end of line, as some editors leave it
    WhitespaceTokenizer(WhitespaceConfig(threshold=threshold)).extend(["a d c", "d <s> d"], tmp_path, "en")
    assert (tmp_path / "dict.en.txt").read_text() == f"b 2\na 1\n{added}"


def test_extended_by_nothing_new_it_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "dict.en.txt").write_text("b 2\na 1\n")
    WhitespaceTokenizer(WhitespaceConfig()).extend(["a", ""], tmp_path, "en")
    assert (tmp_path / "dict.en.txt").read_text() == "b 2\na 1\n"
