"""What a task reads: files of text, or files of ids, each with some sentences of one language."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.data.cache import cached
from seqtrain.data.encoding import index, lines_of
from seqtrain.data.store import Tokens
from seqtrain.data.text import check_parallel, fingerprint_text, hash_file, read_lines
from seqtrain.data.tokenizers import Tokenizer

Side = tuple[str, Sequence[Path]]
"""A language, empty if it is not known, and files of it."""


class Corpus(ABC):
    """How files are read that hold the sentences of a corpus."""

    @abstractmethod
    def training_sets(self, prefixes: Sequence[str], find: Callable[[str], object]) -> list[list[str]]:
        """Return the prefixes of the files that the first epoch trains on, and of those for the next, in turns.

        Args:
            prefixes: those that the config names.
            find: raises a ``DataError`` where there are no files with a prefix.
        """

    @abstractmethod
    def learn(self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], cache_dir: Path) -> Path:
        """Return the directory with the dictionaries of training files, by name.

        Raises:
            DataError: a file cannot be used.
            ConfigError: the tokenizer does not fit the files.
        """

    @abstractmethod
    def index(self, files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> Tokens:
        """Return the ids of the sentences of files, one after the other.

        Raises:
            DataError: a file cannot be used.
        """

    @abstractmethod
    def count(self, file: Path) -> int:
        """Return the number of sentences."""

    @abstractmethod
    def check_parallel(self, source: Path, target: Path) -> int:
        """Return the number of sentences of two files.

        Raises:
            DataError: they differ in it.
        """

    @abstractmethod
    def describe(self, file: Path) -> Fingerprint:
        """Return what a file is, so that a resume can tell whether it is the same."""

    @abstractmethod
    def lines(self, files: Sequence[Path], dictionary: Dictionary) -> Iterator[str]:
        """Yield the sentences as text."""


class TextCorpus(Corpus):
    """Files of lines, plain or .gz. What is made from them is kept in the cache."""

    def training_sets(self, prefixes: Sequence[str], find: Callable[[str], object]) -> list[list[str]]:
        """Return the prefixes as they are: each epoch trains on all."""
        return [list(prefixes)]

    def learn(self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], cache_dir: Path) -> Path:
        """Learn dictionaries from the text, for each name from its files."""
        key = {
            "tokenizer": tokenizer.key(),
            "external": [hash_file(file) for name in texts for file in tokenizer.external_files(name)],
            "text": {name: [(lang, *map(hash_file, files)) for lang, files in text] for name, text in texts.items()},
        }

        def make(directory: Path) -> None:
            for name, text in texts.items():
                words = (tokenizer.words_of(lines_of(files), language) for language, files in text)
                tokenizer.train(chain.from_iterable(words), directory, name)

        return cached(cache_dir, "dictionary", key, make)

    def index(self, files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> Tokens:
        """Return the ids from the cache, or encode the text into it."""
        return index(files, dictionary, cache_dir)

    def count(self, file: Path) -> int:
        """Return the number of lines."""
        return sum(1 for _ in read_lines(file))

    def check_parallel(self, source: Path, target: Path) -> int:
        """Compare the numbers of lines."""
        return check_parallel(source, target)

    def describe(self, file: Path) -> Fingerprint:
        """Return the fingerprint of the lines."""
        return fingerprint_text(file)

    def lines(self, files: Sequence[Path], dictionary: Dictionary) -> Iterator[str]:
        """Yield the lines as they are."""
        return lines_of(files)
