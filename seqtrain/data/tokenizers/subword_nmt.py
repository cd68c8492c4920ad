"""Subwords by the merges of a file of subword-nmt, "codes": BPE (Sennrich, Haddow and Birch, ACL 2016)."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import repeat
from pathlib import Path

from omegaconf import MISSING

from seqtrain.data.symbol_file import read_symbols, read_text
from seqtrain.data.tokenizers import Dictionary, register_tokenizer
from seqtrain.data.tokenizers._sampling import KEPT_WORDS, bpe_dropout, uniform
from seqtrain.data.tokenizers._symbols import SymbolDictionary, dictionary_file
from seqtrain.data.tokenizers._word_lists import WordListConfig, WordListTokenizer, named_file
from seqtrain.errors import DataError
from seqtrain.fields import bounded

CONTINUED = "@@"
"""Ends each subword but the last of a word."""
WORD_END = "</w>"
"""Marks the end of a word in a file of merges."""


@dataclass
class SubwordNMTConfig(WordListConfig):
    """Config of the tokenizer ``subword_nmt``."""

    codes: str = MISSING
    """File of merges that ``subword-nmt learn-bpe`` wrote; ``{name}`` in it stands for the language, or ``joined``."""
    sampling_alpha: float = bounded(0.0, at_least=0, at_most=1)
    """Probability to leave a merge out in training, anew in each epoch (BPE-dropout; 0.1 is usual); 0 is off."""


@register_tokenizer("subword_nmt", SubwordNMTConfig)
class SubwordNMTTokenizer(WordListTokenizer):
    """Splits words between whitespace into the subwords of ``subword-nmt apply-bpe``; decoding joins them again.

    The merges lie in ``codes.<name>``, the dictionary of subwords in ``dict.<name>.txt``.
    """

    cfg: SubwordNMTConfig
    free_fields = ("sampling_alpha",)

    def external_files(self, name: str) -> list[Path]:
        """Return the merges, and the existing dictionary if one is configured."""
        return [*named_file(self.cfg.codes, name), *super().external_files(name)]

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Copy the merges; count subwords, or copy the existing dictionary.

        Raises:
            DataError: the merges or the dictionary cannot be used, or there is nothing to count.
        """
        (codes,) = named_file(self.cfg.codes, name)
        self.merges = Merges.read(codes)
        super().train(lines, directory, name)
        (directory / f"codes.{name}").write_bytes(codes.read_bytes())

    def extend(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Append the subwords of ``lines`` that are new; the merges stay as they are.

        Raises:
            DataError: a file is missing or not in its format.
        """
        self.merges = Merges.read(directory / f"codes.{name}")
        super().extend(lines, directory, name)

    def split(self, text: str) -> list[str]:
        """Return the subwords of a text."""
        return self.merges.split(text)

    def load(self, directory: Path, name: str) -> Dictionary:
        """Read ``codes.<name>`` and ``dict.<name>.txt``.

        Raises:
            DataError: one is missing or not in its format.
        """
        symbols = read_symbols(dictionary_file(directory, name))
        merges = Merges.read(directory / f"codes.{name}")
        return self.raw(SubwordNMTDictionary(symbols, merges, self.cfg.sampling_alpha))


class Merges:
    """The merges of a file, in order: ``<left> <right>`` a line, below ``#version: 0.2`` or, as in 0.1, nothing.

    Args:
        scores: the subword that each merge makes, with its priority. The parts of a subword are the same in each word
            that holds it, since merges are applied in the order in which they were found: it stands for its merge.
        marks_last: whether the end of a word is marked at its last character (0.2), or by a symbol of its own (0.1).
    """

    def __init__(self, scores: Mapping[str, float], *, marks_last: bool) -> None:
        self.scores = scores
        self.marks_last = marks_last
        self._plain = lru_cache(KEPT_WORDS)(lambda word: self.subwords(word, 0.0, repeat(0.0)))

    def __reduce__(self) -> tuple[object, ...]:
        return partial(Merges, marks_last=self.marks_last), (self.scores,)

    @classmethod
    def read(cls, path: Path) -> "Merges":
        """Read a file.

        Raises:
            DataError: it is missing or not in the format.
        """
        lines = read_text(path, "the merges").removesuffix("\n").split("\n")
        has_version = lines[0].startswith("#version:")
        if has_version and lines[0].split() != ["#version:", "0.2"]:
            raise DataError(f"{path}:1: {lines[0]!r}: merges of version 0.2, or 0.1 without such a line, can be read")
        if not has_version and all(re.fullmatch(r"[^ ]+ [0-9]+", line) for line in lines):
            raise DataError(f"{path}: symbols and counts, so no file of merges; tokenizer.dictionary is for such")
        scores: dict[str, float] = {}
        for number, line in enumerate(lines[has_version:], start=1 + has_version):
            pair = line.rstrip("\r ").split(" ")
            if len(pair) != 2 or not all(pair):
                raise DataError(f"{path}:{number}: expected '<left> <right>', found {line!r:.80}")
            scores.setdefault("".join(pair), -float(number))
        return cls(scores, marks_last=has_version)

    def split(self, text: str) -> list[str]:
        """Return the subwords of the words of a text."""
        return [subword for word in text.split() for subword in self._plain(word)]

    def subwords(self, word: str, dropout: float, random: Iterator[float]) -> list[str]:
        """Return the subwords of a word, each merge left out with probability ``dropout``."""
        symbols = [*word[:-1], word[-1] + WORD_END] if self.marks_last else [*word, WORD_END]
        parts = bpe_dropout(self.scores, dropout)(symbols, random)
        *parts, last = [*parts[:-1], parts[-1].removesuffix(WORD_END)] if parts[-1] != WORD_END else parts[:-1]
        return [*(part + CONTINUED for part in parts), last]


class SubwordNMTDictionary(SymbolDictionary):
    """Subwords as symbols; those of a word are joined when decoded."""

    def __init__(self, symbols: Sequence[str], merges: Merges, sampling_alpha: float) -> None:
        super().__init__(symbols, merges.split, separator=" ", finish=join_subwords)
        self._merges = merges
        self._sampling_alpha = sampling_alpha

    @property
    def fingerprint(self) -> str:
        """Hash of what determines the ids: symbols and merges, in order."""
        merges = "\n".join(self._merges.scores)
        return hashlib.sha256(f"{super().fingerprint} {self._merges.marks_last} {merges}".encode()).hexdigest()

    @property
    def samples(self) -> bool:
        """Whether ``sampling_alpha`` is above 0."""
        return self._sampling_alpha > 0

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        """Return other subwords of the same words; a word with a subword that is not in the dictionary stays as is."""
        if not self.samples:
            return list(ids)
        random, sampled, word = uniform(seed), list[int](), list[int]()
        for id in ids:
            word.append(id)
            if not self.symbol(id).endswith(CONTINUED):
                sampled += self._sample_word(word, random)
                word = []
        return sampled + word

    def _sample_word(self, ids: list[int], random: Iterator[float]) -> list[int]:
        if any(id < len(self.specials) for id in ids):
            return ids
        word = "".join(self.symbol(id).removesuffix(CONTINUED) for id in ids)
        sampled = [self._ids.get(part, self.unk) for part in self._merges.subwords(word, self._sampling_alpha, random)]
        return ids if self.unk in sampled else sampled


def join_subwords(text: str) -> str:
    """Return words for subwords with spaces between."""
    return f"{text} ".replace(f"{CONTINUED} ", "").removesuffix(" ")
