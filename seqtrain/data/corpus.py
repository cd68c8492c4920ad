"""What a task reads: files of text, or files of ids, each with some sentences of one language."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.data import number_names
from seqtrain.data.cache import cached
from seqtrain.data.dictionary_files import DictionaryFiles
from seqtrain.data.encoding import index, lines_of
from seqtrain.data.store import Tokens
from seqtrain.data.text import check_parallel, count_lines, fingerprint_text, hash_file
from seqtrain.data.tokenizers import Tokenizer
from seqtrain.errors import ConfigError

Side = tuple[str, Sequence[Path]]
"""A language, empty if it is not known, and files of it."""


class Corpus(ABC):
    """How files are read that hold the sentences of a corpus."""

    num_turns = 1
    """Epochs until one trains on the same sentences again."""

    @property
    def held_out(self) -> "Corpus":
        """How files are read that one does not train on: as each is, without what else belongs to training data."""
        return self

    def turns(self, files: Sequence[Path]) -> npt.NDArray[np.int32]:
        """Return the turn that each sentence of training files has, from 0, (N,)."""
        return np.zeros(sum(size for file in files for _, size in self.sizes(file)), dtype=np.int32)

    @abstractmethod
    def learn(self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], cache_dir: Path) -> Path:
        """Return the directory with the dictionaries of training files, by name.

        Raises:
            DataError: a file cannot be used.
            ConfigError: the tokenizer does not fit the files.
        """

    @abstractmethod
    def extend(
        self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], known: DictionaryFiles, cache_dir: Path
    ) -> Path:
        """Return the directory with dictionaries that are known, each with what its training files have besides.

        Raises:
            DataError: a file cannot be used.
        """

    @abstractmethod
    def index(self, files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> Tokens:
        """Return the ids of the sentences of files, one after the other.

        Raises:
            DataError: a file cannot be used.
        """

    @abstractmethod
    def sizes(self, file: Path) -> list[tuple[Path, int]]:
        """Return the number of sentences of a file; more files with theirs, if more belong to it."""

    @abstractmethod
    def check_parallel(self, source: Path, target: Path) -> list[tuple[Path, int]]:
        """Return the number of sentences of two files, as :meth:`sizes` does for the first.

        Raises:
            DataError: they differ in it.
        """

    @abstractmethod
    def describe(self, name: str, file: Path) -> dict[str, Fingerprint]:
        """Return what a file is, so that a resume can tell whether it is the same, by its name."""

    @abstractmethod
    def lines(self, files: Sequence[Path], dictionary: Dictionary) -> Iterator[str]:
        """Yield the sentences as text."""


class TextCorpus(Corpus):
    """Files of lines, plain or .gz. What is made from them is kept in the cache."""

    def learn(self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], cache_dir: Path) -> Path:
        """Learn dictionaries from the text, for each name from its files."""
        external = [hash_file(file) for name in texts for file in tokenizer.external_files(name)]
        key = {"tokenizer": tokenizer.key(), "external": external, "text": _hashes(texts)}

        def make(directory: Path) -> None:
            for name, lines in _words(tokenizer, texts):
                tokenizer.train(lines, directory, name)

        return cached(cache_dir, "dictionary", key, make)

    def extend(
        self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], known: DictionaryFiles, cache_dir: Path
    ) -> Path:
        """Append to dictionaries what the text has besides, to each from its files."""
        key = {"tokenizer": tokenizer.key(), "extended": known.hashes(), "text": _hashes(texts)}

        def make(directory: Path) -> None:
            known.write(directory)
            for name, lines in _words(tokenizer, texts):
                tokenizer.extend(lines, directory, name)

        return cached(cache_dir, "dictionary", key, make)

    def index(self, files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> Tokens:
        """Return the ids from the cache, or encode the text into it."""
        return index(files, dictionary, cache_dir)

    def sizes(self, file: Path) -> list[tuple[Path, int]]:
        """Return the number of lines."""
        return [(file, count_lines(file))]

    def check_parallel(self, source: Path, target: Path) -> list[tuple[Path, int]]:
        """Compare the numbers of lines."""
        return [(source, check_parallel(source, target))]

    def describe(self, name: str, file: Path) -> dict[str, Fingerprint]:
        """Return the fingerprint of the lines."""
        return {name: fingerprint_text(file)}

    def lines(self, files: Sequence[Path], dictionary: Dictionary) -> Iterator[str]:
        """Yield the lines as they are."""
        return lines_of(files)


def by_language(files: Iterable[tuple[str, Path]]) -> list[Side]:
    """Return files by language, in the order in which they come first; each once, however many sets it serves."""
    groups: defaultdict[str, dict[Path, None]] = defaultdict(dict)
    for language, file in files:
        groups[language][file] = None
    return [(language, list(group)) for language, group in groups.items()]


def _hashes(texts: Mapping[str, Sequence[Side]]) -> dict[str, list[tuple[str, ...]]]:
    """Return what the text of each dictionary is."""
    return {name: [(lang, *map(hash_file, files)) for lang, files in text] for name, text in texts.items()}


def _words(tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]]) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the name of each dictionary and the lines that it is learned from."""
    for name, text in texts.items():
        words = (tokenizer.words_of(lines_of(files), language) for language, files in text)
        yield name, chain.from_iterable(words)


def find_directory(data: str, cache_dir: Path) -> Path:
    """Return the directory that ``task.data`` names; the built-in corpus is generated if need be.

    Raises:
        ConfigError: there is no such built-in corpus.
    """
    if not data.startswith("builtin:"):
        return Path(data).expanduser()
    if data != number_names.BUILTIN:
        raise ConfigError(f"task.data={data}: the one built-in corpus is {number_names.BUILTIN}")
    return cached(cache_dir, "number_names", {"version": number_names.VERSION}, number_names.write_corpus)


def place(number: int, files: Sequence[tuple[Path, int]]) -> str:
    """Return ``file:line`` of a sentence in files with so many lines each; sentences count from 0, lines from 1."""
    for file, lines in files:
        if number < lines:
            return f"{file}:{number + 1}"
        number -= lines
    raise IndexError(number)
