"""Characters as symbols, spaces included."""

from collections import Counter
from dataclasses import dataclass

from seqtrain.data.tokenizers import TokenizerConfig, register_tokenizer
from seqtrain.data.tokenizers._symbols import Entries, SymbolTokenizer, most_frequent


@dataclass
class CharConfig(TokenizerConfig):
    """Config of the tokenizer ``char``."""

    threshold: int = 0
    """Characters that occur less often than this are unknown."""


@register_tokenizer("char", CharConfig)
class CharTokenizer(SymbolTokenizer):
    """Symbols are characters (Unicode code points); decoded text is exact but for unknown ones."""

    cfg: CharConfig
    separator = ""

    def split(self, text: str) -> list[str]:
        """Return the characters of a text."""
        return list(text)

    def choose(self, counts: Counter[str]) -> Entries:
        """Return the characters that occur often enough."""
        return most_frequent(counts, self.cfg.threshold)
