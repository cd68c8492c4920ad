"""Words between whitespace, for text that is tokenised already, with fairseq's ``dict.txt``."""

from dataclasses import dataclass

from seqtrain.data.tokenizers import register_tokenizer
from seqtrain.data.tokenizers._word_lists import WordListConfig, WordListTokenizer


@dataclass
class WhitespaceConfig(WordListConfig):
    """Config of the tokenizer ``whitespace``."""


@register_tokenizer("whitespace", WhitespaceConfig)
class WhitespaceTokenizer(WordListTokenizer):
    """Symbols are what stands between whitespace; decoded text has single spaces."""

    cfg: WhitespaceConfig

    def split(self, text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()
