from collections import Counter
from pathlib import Path

import pytest

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers._symbols import SymbolDictionary, most_frequent, write_entries
from seqtrain.errors import DataError


def dictionary(path: Path, content: str) -> SymbolDictionary:
    path.write_text(content, encoding="utf-8", newline="\n")
    return SymbolDictionary(read_symbols(path), str.split, " ")


def test_order_is_by_falling_count_then_alphabetical() -> None:
    counts = Counter({"b": 2, "a": 2, "c": 1, "ä": 2, "B": 2, "d": 3})
    assert most_frequent(counts, threshold=2) == [("d", 3), ("B", 2), ("a", 2), ("b", 2), ("ä", 2)]


def test_symbols_may_hold_spaces_and_other_separators(tmp_path: Path) -> None:
    symbols = [" ", "a b", "\u2028", "\x85", "\r", "\ufeff", "\t", "#fairseq:overwrite"]
    write_entries(tmp_path / "dict.txt", [(symbol, 10 - count) for count, symbol in enumerate(symbols)])
    assert (tmp_path / "dict.txt").read_bytes().startswith(b"  10\na b 9\n")
    assert read_symbols(tmp_path / "dict.txt") == symbols


def test_lines_may_end_in_windows_manner(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_bytes(b"a 2\r\nb 1\r\n")
    assert read_symbols(tmp_path / "dict.txt") == ["a", "b"]


def test_the_flag_gives_a_symbol_a_new_id(tmp_path: Path) -> None:
    found = dictionary(tmp_path / "d", "a 3\nb 2\na 1 #fairseq:overwrite\n<s> 1 #fairseq:overwrite\n")
    assert len(found) == 8
    assert found.encode("a b <s> </s>") == [6, 5, 7, 3]
    assert found.decode([4, 5, 6, 7]) == "a b a <s>"


@pytest.mark.parametrize("symbol", ["a", "<pad>", "</s>"])
def test_duplicates_are_named(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(DataError, match=rf"d:3: the symbol '{symbol}' is in the dictionary already; remove this line"):
        dictionary(tmp_path / "d", f"a 3\nb 2\n{symbol} 1\n")


@pytest.mark.parametrize("line", ["", "a", "a b", " 5", "5", "a -1", "a 1.5", "a 1 #other"])
def test_lines_in_no_format_are_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"d:2: expected '<symbol> <count>', found '"):
        dictionary(tmp_path / "d", f"a 3\n{line}\nb 2\n")


def test_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "d").write_bytes(b"f\xfcnf 1\n")
    with pytest.raises(DataError, match="d is not UTF-8; convert it"):
        read_symbols(tmp_path / "d")


def test_fingerprint_is_of_the_symbols(tmp_path: Path) -> None:
    prints = {dictionary(tmp_path / "d", content).fingerprint for content in ("a 2\nb 1\n", "a 9\nb 1\n", "b 2\na 1\n")}
    assert len(prints) == 2
