"""Characters as symbols, spaces included."""

from dataclasses import dataclass

from seqtrain.data.tokenizers import register_tokenizer
from seqtrain.data.tokenizers._symbols import SymbolConfig, SymbolTokenizer


@dataclass
class CharConfig(SymbolConfig):
    """Config of the tokenizer ``char``."""


@register_tokenizer("char", CharConfig)
class CharTokenizer(SymbolTokenizer):
    """Symbols are characters (Unicode code points); decoded text is exact but for unknown ones."""

    cfg: CharConfig
    separator = ""

    def split(self, text: str) -> list[str]:
        """Return the characters of a text."""
        return list(text)
