"""Words between whitespace, for text that is tokenised already, with fairseq's ``dict.txt``."""

from dataclasses import dataclass
from enum import Enum

from seqtrain.data.tokenizers import register_tokenizer
from seqtrain.data.tokenizers._word_lists import WordListConfig, WordListTokenizer


class PostProcess(str, Enum):
    """What is made of words when ids become text again."""

    none = "none"
    subword_nmt = "subword_nmt"
    sentencepiece = "sentencepiece"


@dataclass
class WhitespaceConfig(WordListConfig):
    """Config of the tokenizer ``whitespace``."""

    post_process: PostProcess = PostProcess.none
    """How decoded subwords become words: subword_nmt joins at ``@@``, sentencepiece takes the spaces from U+2581."""


@register_tokenizer("whitespace", WhitespaceConfig)
class WhitespaceTokenizer(WordListTokenizer):
    """Symbols are what stands between whitespace; decoded text has single spaces."""

    cfg: WhitespaceConfig

    def split(self, text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()

    def finish(self, text: str) -> str:
        """Return words for subwords, by fairseq's rules."""
        if self.cfg.post_process is PostProcess.sentencepiece:
            return text.replace(" ", "").replace("\u2581", " ").strip()
        if self.cfg.post_process is PostProcess.subword_nmt:
            return f"{text} ".replace("@@ ", "").rstrip()
        return text
