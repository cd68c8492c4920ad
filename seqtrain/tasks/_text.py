"""What tasks over text files share: dictionaries learned from the text, splits indexed once, what the data was."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from seqtrain.base import Dataset, Dictionary, Fingerprint
from seqtrain.data.corpus import Corpus, Side, TextCorpus, by_language, find_directory, place
from seqtrain.data.data_bin import DataBin
from seqtrain.data.dataset import PlannedDataset, Selection
from seqtrain.data.dictionary_files import DictionaryFiles
from seqtrain.data.number_names import BUILTIN
from seqtrain.data.tokenizers import REGISTRY as TOKENIZERS
from seqtrain.errors import ConfigError, DataError
from seqtrain.tasks import Task, TaskInfo
from seqtrain.tasks._mixture import MixtureConfig

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]
DatasetT = TypeVar("DatasetT", bound=Dataset)


@dataclass
class TextConfig(MixtureConfig):
    """Base of the configs of tasks over text files."""

    data: str = BUILTIN
    """Directory of text files, plain or .gz, or fairseq's data-bin, several taking turns, or builtin:number_names."""
    valid: list[str] = field(default_factory=lambda: ["valid"])
    """Prefixes of the validation files: the splits valid, valid1, ..."""
    test: list[str] = field(default_factory=lambda: ["test"])
    """Prefixes of the test files: the splits test, test1, ..."""


class TextTask(Task[TaskInfo], Generic[DatasetT]):
    """Lines of text, tokenised and indexed once into a cache that is addressed by their content; or fairseq's ids.

    A split has one side, or source and target, and each side one file for each prefix.
    """

    cfg: TextConfig

    def __init__(self, cfg: TextConfig) -> None:
        super().__init__(cfg)
        self.tokenizer = TOKENIZERS.build(cfg.tokenizer)
        self._datasets: dict[str, DatasetT] = {}
        self._dictionary_files = DictionaryFiles()
        self._fingerprints: dict[str, Fingerprint] = {}

    @property
    @abstractmethod
    def title(self) -> str:
        """What is done, as the log calls it."""

    @property
    @abstractmethod
    def dictionary_names(self) -> tuple[str, ...]:
        """Names of the dictionaries: one for each side, or one for all."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Language of each side; empty where the task knows none."""
        return ("",)

    def languages_of(self, prefix: str) -> tuple[str, ...]:
        """Return the language of each side of the files with a prefix."""
        return self.languages

    @abstractmethod
    def find_files(self, prefix: str) -> list[tuple[str, Path]]:
        """Return the files with a prefix, one for each side, with the names that messages call them.

        Raises:
            DataError: one is not there.
        """

    @abstractmethod
    def open_split(self, split: str) -> DatasetT:
        """Return a split, indexed.

        Raises:
            DataError: a file is missing, empty or no UTF-8 text.
        """

    @abstractmethod
    def describe(self, dictionaries: Sequence[Dictionary]) -> TaskInfo:
        """Return what models and criterions may know, given the dictionaries by ``dictionary_names``."""

    @cached_property
    def corpus(self) -> Corpus:
        """How files are read: as fairseq's ids where ``task.data`` holds such, else as text."""
        return DataBin.find(self.cfg.data, self.cfg.train) or TextCorpus()

    def corpus_of(self, split: str) -> Corpus:
        """Return how the files of a split are read."""
        return self.corpus if split == "train" else self.corpus.held_out

    def prepare(self) -> None:
        """Learn the dictionaries from the training text if none are loaded; index the training and validation text.

        Raises:
            DataError: a file is missing or no UTF-8 text.
        """
        generated = ", the built-in number names" if self.cfg.data == BUILTIN else ""
        log.info("%s, task.data=%s%s", self.title, self.cfg.data, generated)
        if not self._dictionary_files.contents:
            self._read_dictionaries(self.corpus.learn(self.tokenizer, self._texts(), Path(self.cfg.cache_dir)))
        for split in ["train", *self.splits("valid")]:
            self.dataset(split)
        self.fingerprints()  # now: the files may change while training goes on

    def save(self, directory: Path) -> None:
        """Write the tokenizer's files into ``tokenizer/``."""
        (directory / "tokenizer").mkdir()
        self._dictionary_files.write(directory / "tokenizer")

    def load(self, directory: Path) -> None:
        """Read the tokenizer's files from ``tokenizer/``.

        Raises:
            DataError: they are missing or damaged.
        """
        if not (directory / "tokenizer").is_dir():
            raise DataError(f"{directory / 'tokenizer'} is missing: use another checkpoint")
        self._read_dictionaries(directory / "tokenizer")

    def extend_vocabulary(self) -> None:
        """Append what the tokenizer finds new in the training text, or a data-bin's dictionaries have."""
        known, cache_dir = self._dictionary_files, Path(self.cfg.cache_dir)
        self._read_dictionaries(self.corpus.extend(self.tokenizer, self._texts(), known, cache_dir))

    def splits(self, kind: str) -> list[str]:
        """Return the names of the sets of a kind, ``valid``, ``valid1``, ...: one for each prefix."""
        return list(self.prefixes(kind))

    def prefixes(self, kind: str) -> dict[str, list[str]]:
        """Return the prefixes of the files of each split of a kind."""
        if kind == "train":
            return {"train": self.cfg.train_sets}
        each = {"valid": self.cfg.valid, "test": self.cfg.test}[kind]
        return {f"{kind}{number or ''}": [prefix] for number, prefix in enumerate(each)}

    def dataset(self, split: str) -> DatasetT:
        """Return a split, indexed on first use.

        Raises:
            DataError: a file is missing, empty or no UTF-8 text.
        """
        if split not in self._datasets:
            self._datasets[split] = self.open_split(split)
        return self._datasets[split]

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return those of the text files of training and validation, of the dictionaries, and of the token ids."""
        if not self._fingerprints:
            ids = {f"token ids of {split}": found for split, found in super().fingerprints().items()}
            self._fingerprints = {**self.describe_files(), **self._describe_dictionaries(), **ids}
        return self._fingerprints

    def describe_files(self) -> dict[str, Fingerprint]:
        """Return what the files of training and validation are, by name; a task that reads more of them adds these."""
        described: dict[str, Fingerprint] = {}
        for split, prefixes in {**self.prefixes("train"), **self.prefixes("valid")}.items():
            for name, file in chain.from_iterable(map(self.find_files, prefixes)):
                if name not in described:
                    described |= self.corpus_of(split).describe(name, file)
        return described

    def seen(
        self, dataset: PlannedDataset, sentences: Callable[[Ints], Ints], sizes: Sequence[int], *, epoch: int, seed: int
    ) -> PlannedDataset:
        """Return what an epoch sees of training data: of one directory, where several take turns, and of each set.

        Args:
            dataset: all of it.
            sentences: returns for its items (N,) the sentence that each begins with, (N,).
            sizes: sentences of each training set.
            epoch: counts from 1.
            seed: of the order in which sets are gone round.
        """
        if (num_turns := self.corpus.num_turns) > 1:
            turns = self.corpus.turns(self.files("train")[0])[sentences(dataset.ids)]
            dataset = Selection(dataset, np.flatnonzero(turns == (epoch - 1) % num_turns))
        if self.cfg.mixes:
            chosen = self.cfg.select(sentences(dataset.ids), sizes, epoch=epoch, seed=seed, turns=num_turns)
            dataset = Selection(dataset, chosen)
        return dataset

    def files(self, split: str) -> tuple[list[Path], ...]:
        """Return the files of a split, a list for each side."""
        found = ([file for _, file in self.find_files(prefix)] for prefix in self.sets(split))
        return tuple(list(side) for side in zip(*found, strict=True))

    def sets(self, split: str) -> list[str]:
        """Return the prefixes that the files of a split are found by.

        Raises:
            ConfigError: there is no such split.
        """
        splits = {**self.prefixes("train"), **self.prefixes("valid"), **self.prefixes("test")}
        if split not in splits:
            raise ConfigError(f"there is no split {split!r}; there are: {', '.join(splits)}")
        if not splits[split]:
            raise ConfigError(f"task.{split}=[] names no file: give the prefix of one")
        return splits[split]

    def target_language(self, split: str) -> str:
        """Return the language of the last side of a split, if its sets have the same."""
        languages = {self.languages_of(prefix)[-1] for prefix in self.sets(split)}
        return languages.pop() if len(languages) == 1 else ""

    def places(self, split: str, numbers: Sequence[int]) -> list[str]:
        """Return ``FILE:LINE`` of the first side of each sentence."""
        sizes = [size for file in self.files(split)[0] for size in self.corpus_of(split).sizes(file)]
        return [place(number, sizes) for number in numbers]

    def directory(self) -> Path:
        """Return the directory of the text files."""
        return find_directory(self.cfg.data, Path(self.cfg.cache_dir))

    def _describe_dictionaries(self) -> dict[str, Fingerprint]:
        named = zip(self.dictionary_names, self.dictionaries, strict=True)
        return {f"dictionary {name} ({type(found).__name__})": found.describe() for name, found in named}

    def _files_by_language(self, prefix: str) -> list[tuple[str, Path]]:
        """Return the files with a prefix, one for each side, each with its language."""
        return [
            (lang, file) for lang, (_, file) in zip(self.languages_of(prefix), self.find_files(prefix), strict=True)
        ]

    def _texts(self) -> dict[str, list[Side]]:
        """Return the training files of each dictionary, by name."""
        names = self.dictionary_names
        sides = list(zip(*map(self._files_by_language, self.sets("train")), strict=True))
        learned_from = sides if len(names) > 1 else [chain.from_iterable(sides)]
        return dict(zip(names, map(by_language, learned_from), strict=True))

    def _read_dictionaries(self, directory: Path) -> None:
        self._dictionary_files = DictionaryFiles.read(directory)
        self.dictionaries = [self.tokenizer.load(directory, name) for name in self.dictionary_names]
        self.info = self.describe(self.dictionaries)
