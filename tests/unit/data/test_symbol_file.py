import gzip
from pathlib import Path

import pytest

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers._symbols import write_entries
from seqtrain.errors import DataError


def read(path: Path, content: str) -> list[str]:
    path.write_text(content, encoding="utf-8", newline="\n")
    return read_symbols(path)


def test_symbols_may_hold_spaces_and_other_separators(tmp_path: Path) -> None:
    symbols = [" ", "a b", "\u2028", "\x85", "\r", "\ufeff", "\t", "#fairseq:overwrite"]
    write_entries(tmp_path / "dict.txt", [(symbol, 10 - count) for count, symbol in enumerate(symbols)])
    assert (tmp_path / "dict.txt").read_bytes().startswith(b"  10\na b 9\n")
    assert read_symbols(tmp_path / "dict.txt") == symbols


def test_lines_may_end_in_windows_manner(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_bytes(b"a 2\r\nb 1\r\n")
    assert read_symbols(tmp_path / "dict.txt") == ["a", "b"]


@pytest.mark.parametrize("symbol", ["a", "<pad>", "</s>"])
def test_duplicates_are_named(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(DataError, match=rf"d:3: the symbol '{symbol}' is in the dictionary already; remove this line"):
        read(tmp_path / "d", f"a 3\nb 2\n{symbol} 1\n")


@pytest.mark.parametrize("line", ["", "a", "a b", " 5", "5", "a -1", "a 1.5", "a 1 #other"])
def test_lines_in_no_format_are_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"d:2: expected '<symbol> <count>', found '"):
        read(tmp_path / "d", f"a 3\n{line}\nb 2\n")


def test_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "d").write_bytes(b"f\xfcnf 1\n")
    with pytest.raises(DataError, match="d is not UTF-8; convert it"):
        read_symbols(tmp_path / "d")
    (tmp_path / "d").write_bytes(gzip.compress(b"x 1\n"))
    with pytest.raises(DataError, match="d is compressed; unpack it, for example with gunzip"):
        read_symbols(tmp_path / "d")
