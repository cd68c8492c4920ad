"""Dictionaries that are a list of symbols, in the file format of fairseq's ``dict.txt``.

One ``<symbol> <count>`` a line, split at the last space, most frequent first; the special symbols are not in it.
"""

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers import Dictionary, Tokenizer, TokenizerConfig
from seqtrain.errors import DataError
from seqtrain.fields import bounded

Entries = Sequence[tuple[str, int]]


class SymbolDictionary(Dictionary):
    """Text is split into symbols, and joined again with ``separator``; ``finish`` makes of that what is to be read.

    Text never makes a special symbol other than unk: a word ``</s>`` is unknown, as any other word not listed.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        split: Callable[[str], list[str]],
        separator: str,
        finish: Callable[[str], str] = str,
    ) -> None:
        self._symbols = [*self.specials, *symbols]
        self._ids = {symbol: id for id, symbol in enumerate(symbols, start=len(self.specials))}
        self._split = split
        self._separator = separator
        self._finish = finish

    def __len__(self) -> int:
        return len(self._symbols)

    @property
    def fingerprint(self) -> str:
        """Hash of what determines the ids: how text is split, and the symbols in order."""
        return hashlib.sha256(f"{super().fingerprint} {self._separator!r}".encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Return the ids of the symbols of ``text``, without beginning or end of sentence."""
        return [self._ids.get(symbol, self.unk) for symbol in self._split(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the symbols of ``ids``, joined; bos, pad and eos are left out."""
        return self.decode_with(ids, ())

    def split(self, text: str) -> list[str]:
        """Return the symbols of ``text``, unknown ones as they are written."""
        return self._split(text)

    def decode_with(self, ids: Iterable[int], unknown: Iterable[str]) -> str:
        """Return the symbols of ``ids``, the next of ``unknown`` for each unk, joined."""
        return self._finish(self._separator.join(self.symbols_of(ids, unknown)))

    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""
        return self._symbols[id]


@dataclass
class SymbolConfig(TokenizerConfig):
    """Base of the configs of such tokenizers."""

    threshold: int = bounded(0, at_least=0)
    """Symbols that occur less often than this are unknown."""


class SymbolTokenizer(Tokenizer):
    """Base of the tokenizers whose dictionary is a list of symbols, in ``dict.<name>.txt``."""

    cfg: SymbolConfig
    separator: str
    extension_fields: ClassVar[tuple[str, ...]] = ("threshold",)

    @abstractmethod
    def split(self, text: str) -> list[str]:
        """Return the symbols of a text."""

    def finish(self, text: str) -> str:
        """Return what to make of joined symbols."""
        return text

    def choose(self, entries: Entries) -> Entries:
        """Return what to write, of the symbols that occur often enough and their counts, best first."""
        return entries

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Count the symbols of ``lines`` and write those to keep.

        Raises:
            DataError: no symbol occurs often enough.
        """
        entries = self._counted(lines)
        if not entries:
            raise DataError(
                f"no symbols for the dictionary {name!r}: no symbol occurs {max(1, self.cfg.threshold)} times in its "
                "training text, or that is empty; check task.train and tokenizer.threshold"
            )
        write_entries(dictionary_file(directory, name), self.choose(entries))

    def extend(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Append the symbols of ``lines`` that are new and occur ``threshold`` times or more, most frequent first.

        Raises:
            DataError: ``dict.<name>.txt`` is missing or not in the format.
        """
        file = dictionary_file(directory, name)
        known = set(read_symbols(file))
        with file.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write("" if _ends_a_line(file) else "\n")
            stream.write(_text_of([entry for entry in self._counted(lines) if entry[0] not in known]))

    def load(self, directory: Path, name: str) -> Dictionary:
        """Read ``dict.<name>.txt``.

        Raises:
            DataError: it is missing or not in the format.
        """
        symbols = read_symbols(dictionary_file(directory, name))
        return SymbolDictionary(symbols, self.split, self.separator, self.finish)

    def _counted(self, lines: Iterable[str]) -> Entries:
        """Return the symbols of ``lines`` that occur often enough, and their counts, most frequent first."""
        counts: Counter[str] = Counter()
        for line in lines:
            counts.update(self.split(line))
        for special in Dictionary.specials:
            counts.pop(special, None)
        return most_frequent(counts, self.cfg.threshold)


def dictionary_file(directory: Path, name: str) -> Path:
    """Return where the dictionary ``name`` lies, by fairseq's naming."""
    return directory / f"dict.{name}.txt"


def most_frequent(counts: Counter[str], threshold: int) -> list[tuple[str, int]]:
    """Return the symbols that occur ``threshold`` times or more, by falling count, then in alphabetical order."""
    kept = (entry for entry in counts.items() if entry[1] >= threshold)
    return sorted(kept, key=lambda entry: (-entry[1], entry[0]))


def write_entries(path: Path, entries: Entries) -> None:
    """Write symbols and counts."""
    path.write_text(_text_of(entries), encoding="utf-8", newline="\n")


def _text_of(entries: Entries) -> str:
    return "".join(f"{symbol} {count}\n" for symbol, count in entries)


def _ends_a_line(file: Path) -> bool:
    return file.read_bytes().endswith(b"\n")
