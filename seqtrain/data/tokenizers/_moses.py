"""Moses's rules (Koehn et al., ACL 2007) for splitting text into words and joining it again, through sacremoses.

The rules are those of a language, so that a dictionary over several is seen through one of its views.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seqtrain.base import Dictionary
from seqtrain.errors import ConfigError


@dataclass(frozen=True)
class Moses:
    """What Moses does to text of a language; others than those it knows are taken as English."""

    language: str
    dash_splits: bool = True
    escape: bool = True
    normalize: bool = False

    def tokenize(self, text: str) -> str:
        """Return text with a space between its words and punctuation."""
        if self.normalize:
            text = self._normalizer.normalize(text)
        words: list[str] = self._tokenizer.tokenize(text, aggressive_dash_splits=self.dash_splits, escape=self.escape)
        return " ".join(words)

    def detokenize(self, text: str) -> str:
        """Return text as it is written, from words with spaces between."""
        written: str = self._detokenizer.detokenize(text.split(), unescape=self.escape)
        return written

    @cached_property
    def _tokenizer(self) -> Any:
        return _sacremoses().MosesTokenizer(self.language)

    @cached_property
    def _detokenizer(self) -> Any:
        return _sacremoses().MosesDetokenizer(self.language)

    @cached_property
    def _normalizer(self) -> Any:
        return _sacremoses().MosesPunctNormalizer(self.language)


class MosesDictionary(Dictionary):
    """A dictionary of words, for raw text of a language."""

    def __init__(self, words: Dictionary, moses: Moses) -> None:
        self.words = words
        self.moses = moses
        _sacremoses()

    def __len__(self) -> int:
        return len(self.words)

    @property
    def fingerprint(self) -> str:
        """Hash of what determines the ids: the words, the rules, and the version of sacremoses."""
        parts = f"{self.words.fingerprint} {self.moses} {_sacremoses().__version__}"
        return hashlib.sha256(parts.encode()).hexdigest()

    def in_language(self, language: str) -> "MosesDictionary":
        """Return the same words for text of a language."""
        return MosesDictionary(self.words, replace(self.moses, language=language))

    def shares_ids_with(self, other: Dictionary) -> bool:
        """Whether the other is the same but for the language."""
        return isinstance(other, MosesDictionary) and self.words is other.words

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without beginning or end of sentence."""
        return self.words.encode(self.moses.tokenize(text))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bos, pad and eos are left out."""
        return self.moses.detokenize(self.words.decode(ids))

    def split(self, text: str) -> list[str]:
        """Return what ``text`` has for each of its ids, as the rules write it."""
        return self.words.split(self.moses.tokenize(text))

    def decode_with(self, ids: Iterable[int], unknown: Iterable[str]) -> str:
        """Return the text of ``ids``, the next of ``unknown`` for each unk."""
        return self.moses.detokenize(self.words.decode_with(ids, unknown))

    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""
        return self.words.symbol(id)

    @property
    def samples(self) -> bool:
        """Whether training encodes its text by chance."""
        return self.words.samples

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        """Encode by chance the text that ``ids`` stand for."""
        return self.words.sample(ids, seed)


def _sacremoses() -> Any:
    try:
        import sacremoses
    except ImportError as error:
        raise ConfigError("tokenizer.moses=true needs the package sacremoses: pip install 'seqtrain[moses]'") from error
    return sacremoses
