"""Words between whitespace, for text that is tokenised already, with fairseq's ``dict.txt``."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers import register_tokenizer
from seqtrain.data.tokenizers._symbols import (
    Entries,
    SymbolConfig,
    SymbolTokenizer,
    dictionary_file,
)
from seqtrain.errors import ConfigError
from seqtrain.fields import bounded


class PostProcess(str, Enum):
    """What is made of words when ids become text again."""

    none = "none"
    subword_nmt = "subword_nmt"
    sentencepiece = "sentencepiece"


@dataclass
class WhitespaceConfig(SymbolConfig):
    """Config of the tokenizer ``whitespace``."""

    dictionary: str = ""
    """Existing ``dict.txt`` to use instead of counting; ``{name}`` in it stands for the language, or ``joined``."""
    nwords: int = bounded(0, at_least=0)
    """Most symbols of the dictionary, the four special ones included, before padding; 0 sets no limit."""
    padding_factor: int = bounded(1, at_least=1)
    """Fill the dictionary with unused symbols up to a multiple of this; fairseq's default is 8."""

    post_process: PostProcess = PostProcess.none
    """How decoded subwords become words: subword_nmt joins at ``@@``, sentencepiece takes the spaces from U+2581."""

    def contradictions(self) -> Iterable[str]:
        """A limited dictionary has room for words."""
        if 0 < self.nwords <= 4:
            yield f"tokenizer.nwords={self.nwords} leaves room for no word beside 4 special symbols"


@register_tokenizer("whitespace", WhitespaceConfig)
class WhitespaceTokenizer(SymbolTokenizer):
    """Symbols are what stands between whitespace; decoded text has single spaces."""

    cfg: WhitespaceConfig
    separator = " "

    def split(self, text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()

    def external_files(self, name: str) -> list[Path]:
        """Return the existing dictionary, if one is configured."""
        path = self.cfg.dictionary.replace("{name}", name)
        return [Path(path).expanduser()] if path else []

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Count words and write ``dict.<name>.txt``, or copy the existing dictionary.

        Raises:
            DataError: there is nothing to count, or the existing dictionary cannot be used.
        """
        for path in self.external_files(name):
            read_symbols(path)
            dictionary_file(directory, name).write_bytes(path.read_bytes())
            return
        super().train(lines, directory, name)

    def adopt(self, file: Path, directory: Path, name: str) -> None:
        """Copy a dictionary of fairseq.

        Raises:
            DataError: it cannot be used.
            ConfigError: the config wants another one.
        """
        if self.cfg != WhitespaceConfig(post_process=self.cfg.post_process):
            keys = "tokenizer.dictionary, threshold, nwords and padding_factor"
            raise ConfigError(f"the ids of task.data have a dictionary, {file}: leave out {keys}")
        read_symbols(file)
        dictionary_file(directory, name).write_bytes(file.read_bytes())

    def finish(self, text: str) -> str:
        """Return words for subwords, by fairseq's rules."""
        if self.cfg.post_process is PostProcess.sentencepiece:
            return text.replace(" ", "").replace("\u2581", " ").strip()
        if self.cfg.post_process is PostProcess.subword_nmt:
            return f"{text} ".replace("@@ ", "").rstrip()
        return text

    def choose(self, entries: Entries) -> Entries:
        """Return the most frequent words, and unused symbols to fill up, as fairseq names them."""
        kept = entries[: self.cfg.nwords - 4] if self.cfg.nwords else entries
        missing = -(len(kept) + 4) % self.cfg.padding_factor
        return [*kept, *((f"madeupword{number:04d}", 0) for number in range(missing))]
