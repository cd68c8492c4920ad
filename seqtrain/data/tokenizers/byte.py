"""Bytes as symbols: no text is unknown, and nothing is learned."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers import Dictionary, Tokenizer, TokenizerConfig, register_tokenizer
from seqtrain.data.tokenizers._symbols import dictionary_file, write_entries
from seqtrain.errors import DataError

SYMBOLS = [f"<0x{byte:02X}>" for byte in range(256)]
"""Names of the bytes, as SentencePiece has them."""


@dataclass
class ByteConfig(TokenizerConfig):
    """Config of the tokenizer ``byte``."""


@register_tokenizer("byte", ByteConfig)
class ByteTokenizer(Tokenizer):
    """Symbols are the 256 bytes of UTF-8 text; ``dict.<name>.txt`` lists them."""

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Write the dictionary; ``lines`` are not read, since there is nothing to learn from them."""
        write_entries(dictionary_file(directory, name), [(symbol, 0) for symbol in SYMBOLS])

    def load(self, directory: Path, name: str) -> "ByteDictionary":
        """Read ``dict.<name>.txt``.

        Raises:
            DataError: it is missing, or another dictionary's.
        """
        path = dictionary_file(directory, name)
        if read_symbols(path) != SYMBOLS:
            raise DataError(f"{path} is no list of bytes: it is that of another tokenizer, or damaged")
        return ByteDictionary()


class ByteDictionary(Dictionary):
    """The special symbols, and the byte b as number 4 + b."""

    def __len__(self) -> int:
        return len(self.specials) + len(SYMBOLS)

    def encode(self, text: str) -> list[int]:
        """Return the ids of the bytes of ``text``, without beginning or end of sentence."""
        return [len(self.specials) + byte for byte in text.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``, special symbols left out; what is no UTF-8 becomes U+FFFD."""
        return bytes(id - len(self.specials) for id in ids if id >= len(self.specials)).decode(errors="replace")

    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""
        return [*self.specials, *SYMBOLS][id]
