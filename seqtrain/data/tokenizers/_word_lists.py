"""What tokenizers of text that is split into words share: their dictionary is counted, or an existing ``dict.txt``."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.tokenizers import Dictionary
from seqtrain.data.tokenizers._moses import Moses, MosesDictionary
from seqtrain.data.tokenizers._symbols import (
    Entries,
    SymbolConfig,
    SymbolTokenizer,
    dictionary_file,
)
from seqtrain.errors import ConfigError
from seqtrain.fields import bounded


@dataclass
class WordListConfig(SymbolConfig):
    """Base of the configs of such tokenizers."""

    dictionary: str = ""
    """Existing ``dict.txt`` to use instead of counting; ``{name}`` in it stands for the language, or ``joined``."""
    nwords: int = bounded(0, at_least=0)
    """Most symbols of the dictionary, the four special ones included, before padding; 0 sets no limit."""
    padding_factor: int = bounded(1, at_least=1)
    """Fill the dictionary with unused symbols up to a multiple of this; fairseq's default is 8."""

    moses: bool = False
    """Split raw text into words by Moses's rules for its language first, and join what is decoded; ``moses`` extra."""
    moses_lang: str = "en"
    """Language of these rules where the task knows none."""
    moses_no_dash_splits: bool = False
    """Leave words with a hyphen whole."""
    moses_no_escape: bool = False
    """Leave ``&``, ``<``, quotes and the like as they are instead of writing ``&amp;``."""
    moses_normalize: bool = False
    """Replace typographic punctuation before."""

    def contradictions(self) -> Iterable[str]:
        """A limited dictionary has room for words."""
        if 0 < self.nwords <= 4:
            yield f"tokenizer.nwords={self.nwords} leaves room for no word beside 4 special symbols"


class WordListTokenizer(SymbolTokenizer):
    """Base of such tokenizers; decoded text has single spaces."""

    cfg: WordListConfig
    separator = " "

    def words_of(self, lines: Iterable[str], language: str) -> Iterable[str]:
        """Return lines as words with spaces between, by Moses's rules if these are asked for."""
        return map(self._moses(language).tokenize, lines) if self.cfg.moses else lines

    def raw(self, words: Dictionary) -> Dictionary:
        """Return a dictionary of words as one of raw text, if Moses's rules are asked for."""
        return MosesDictionary(words, self._moses("")) if self.cfg.moses else words

    def _moses(self, language: str) -> Moses:
        cfg = self.cfg
        return Moses(
            language or cfg.moses_lang, not cfg.moses_no_dash_splits, not cfg.moses_no_escape, cfg.moses_normalize
        )

    def load(self, directory: Path, name: str) -> Dictionary:
        """Read ``dict.<name>.txt``.

        Raises:
            DataError: it is missing or not in the format.
        """
        return self.raw(super().load(directory, name))

    def external_files(self, name: str) -> list[Path]:
        """Return the existing dictionary, if one is configured."""
        return named_file(self.cfg.dictionary, name)

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Count symbols and write ``dict.<name>.txt``, or copy the existing dictionary.

        Raises:
            ConfigError: the config limits what is counted, and the dictionary is there already.
            DataError: there is nothing to count, or the existing dictionary cannot be used.
        """
        for path in named_file(self.cfg.dictionary, name):
            for limit in ("threshold", "nwords"):
                if value := getattr(self.cfg, limit):
                    raise ConfigError(
                        f"tokenizer.{limit}={value} is for symbols that are counted; here they are those of {path}, as "
                        "they are: leave it out"
                    )
            read_symbols(path)
            dictionary_file(directory, name).write_bytes(path.read_bytes())
            return
        super().train(lines, directory, name)

    def adopt(self, file: Path, directory: Path, name: str) -> None:
        """Take a dictionary of fairseq for the existing one, if none is configured."""
        type(self)(replace(self.cfg, dictionary=self.cfg.dictionary or str(file))).train([], directory, name)

    def choose(self, entries: Entries) -> Entries:
        """Return the most frequent symbols, and unused ones to fill up, as fairseq names them."""
        kept = entries[: self.cfg.nwords - 4] if self.cfg.nwords else entries
        missing = -(len(kept) + 4) % self.cfg.padding_factor
        return [*kept, *((f"madeupword{number:04d}", 0) for number in range(missing))]


def named_file(path: str, name: str) -> list[Path]:
    """Return a configured file of the dictionary ``name``, for which ``{name}`` stands; none if there is no path."""
    return [Path(path.replace("{name}", name)).expanduser()] if path else []
