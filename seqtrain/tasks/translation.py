"""Translation: sentences of one language into those of another, from raw text."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.config import TaskConfig
from seqtrain.data import number_names
from seqtrain.data.cache import OWN_FILES, cached
from seqtrain.data.encoding import index, lines_of, sample
from seqtrain.data.parallel import ParallelDataset, SourceDataset
from seqtrain.data.text import check_parallel, find_text, fingerprint_text, hash_file, read_lines
from seqtrain.data.tokenizers import REGISTRY as TOKENIZERS
from seqtrain.errors import ConfigError, DataError
from seqtrain.fields import bounded
from seqtrain.tasks import Task, TaskInfo, register_task

log = logging.getLogger(__name__)

BUILTIN = "builtin:number_names"


@dataclass
class TranslationConfig(TaskConfig):
    """Config of the task ``translation``."""

    data: str = BUILTIN
    """Directory of the text files ``<prefix>.<language>``, plain or .gz; ``builtin:number_names`` is generated."""
    source_lang: str = "en"
    """Suffix of the source files."""
    target_lang: str = "de"
    """Suffix of the target files."""
    train: list[str] = field(default_factory=lambda: ["train"])
    """Prefixes of the training files; several are joined."""
    valid: list[str] = field(default_factory=lambda: ["valid"])
    """Prefixes of the validation files: the splits valid, valid1, ..."""
    test: list[str] = field(default_factory=lambda: ["test"])
    """Prefixes of the test files: the splits test, test1, ..."""
    joined_dictionary: bool = True
    """One dictionary for both languages; needed to share all embeddings."""
    max_source_positions: int = bounded(1024, at_least=1)
    """Longest source, in tokens with end of sentence; a longer one is left out of training, and cut elsewhere."""
    max_target_positions: int = bounded(1024, at_least=1)
    """Longest target, in tokens with end of sentence; a longer one is left out of training, and cut elsewhere."""


@register_task("translation", TranslationConfig)
class TranslationTask(Task[TaskInfo]):
    """Pairs of lines, tokenised and indexed once into a cache that is addressed by their content."""

    cfg: TranslationConfig

    def __init__(self, cfg: TranslationConfig) -> None:
        super().__init__(cfg)
        self.tokenizer = TOKENIZERS.build(cfg.tokenizer)
        self._datasets: dict[str, ParallelDataset] = {}
        self._dictionary_files: dict[str, bytes] = {}
        self._fingerprints: dict[str, Fingerprint] = {}

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target language."""
        return self.cfg.source_lang, self.cfg.target_lang

    def prepare(self) -> None:
        """Learn the dictionaries from the training text and index the training and validation text.

        Raises:
            DataError: a file is missing, unequal to its partner, or no UTF-8 text.
        """
        generated = ", the built-in number names" if self.cfg.data == BUILTIN else ""
        log.info("translation %s-%s, task.data=%s%s", *self.languages, self.cfg.data, generated)
        self._read_dictionaries(self._learn_dictionaries())
        for split in ["train", *self.splits("valid")]:
            self.dataset(split)
        self.fingerprints()  # now: the files may change while training goes on

    def save(self, directory: Path) -> None:
        """Write the tokenizer's files into ``tokenizer/``."""
        (directory / "tokenizer").mkdir()
        for name, content in self._dictionary_files.items():
            (directory / "tokenizer" / name).write_bytes(content)

    def load(self, directory: Path) -> None:
        """Read the tokenizer's files from ``tokenizer/``.

        Raises:
            DataError: they are missing or damaged.
        """
        if not (directory / "tokenizer").is_dir():
            raise DataError(f"{directory / 'tokenizer'} is missing: use another checkpoint")
        self._read_dictionaries(directory / "tokenizer")

    def splits(self, kind: str) -> list[str]:
        """Return the names of the sets of a kind, ``valid``, ``valid1``, ...: one for each prefix."""
        return list(self._prefixes(kind))

    def dataset(self, split: str) -> ParallelDataset:
        """Return a split, indexed on first use.

        Raises:
            DataError: a file is missing, empty, unequal to its partner, or no UTF-8 text.
        """
        if split not in self._datasets:
            self._datasets[split] = self._open(split)
        return self._datasets[split]

    def training_dataset(self, *, epoch: int, seed: int) -> ParallelDataset:
        """Return the training data: the same in each epoch, or with subword sampling encoded anew."""
        if not any(dictionary.samples for dictionary in self._dictionaries):
            return self.dataset("train")
        start, plain = time.monotonic(), self.dataset("train")
        sides = enumerate(zip((plain.source, plain.target), self._dictionaries, strict=True))
        source, target = (sample(tokens, d, seed, epoch, side) for side, (tokens, d) in sides)
        dataset = ParallelDataset(source, target, self.info.max_positions, for_training=True)
        tokens = "{} + {} tokens".format(*dataset.num_tokens)
        seconds = time.monotonic() - start
        log.info("epoch %d: %d sentence pairs sampled as %s in %.1f s", epoch, len(dataset), tokens, seconds)
        return dataset

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return those of the text files of training and validation, of the dictionaries, and of the token ids."""
        if not self._fingerprints:
            ids = {f"token ids of {split}": found for split, found in super().fingerprints().items()}
            self._fingerprints = {**dict(self._describe_files()), **dict(self._describe_dictionaries()), **ids}
        return self._fingerprints

    def text(self, split: str) -> tuple[list[str], list[str]]:
        """Return the lines of both sides of a split."""
        source, target = (list(lines_of(files)) for files in self._files(split))
        return source, target

    def places(self, split: str, numbers: Sequence[int]) -> list[str]:
        """Return ``FILE:LINE`` of the source of each pair."""
        files = [(file, sum(1 for _ in read_lines(file))) for file in self._files(split)[0]]
        return [_place(number, files) for number in numbers]

    def inference_dataset(self, lines: Sequence[str]) -> SourceDataset:
        """Return lines of the source language as sentences to decode."""
        source = self.info.source_dictionary
        sentences = [[*ids, source.eos] for ids in source.encode_lines(lines)]
        return SourceDataset(sentences, self.info.max_positions[0])

    def _open(self, split: str) -> ParallelDataset:
        files = self._files(split)
        lines = [check_parallel(*pair) for pair in zip(*files, strict=True)]
        if not any(lines):
            raise DataError(f"{split} is empty: {', '.join(map(str, files[0]))} has no lines")
        sides, cache_dir = zip(files, self._dictionaries, strict=True), Path(self.cfg.cache_dir)
        source, target = (index(side, dictionary, cache_dir) for side, dictionary in sides)
        dataset = ParallelDataset(source, target, self.info.max_positions, for_training=split == "train")
        log.info("%s: %d sentence pairs, %d + %d tokens", split, len(dataset), *dataset.num_tokens)
        source_limit, target_limit = self.info.max_positions
        limit = f"over the limit of {source_limit} source or {target_limit} target tokens"
        for what, numbers in (
            ("left out {} pairs with an empty side", dataset.empty),
            (f"left out {{}} pairs {limit} (task.max_source_positions, task.max_target_positions)", dataset.too_long),
            (f"truncated {{}} pairs {limit}", dataset.truncated),
        ):
            if len(numbers):
                first = _place(int(numbers[0]), list(zip(files[0], lines, strict=True)))
                log.warning("%s: %s, the first at %s", split, what.format(len(numbers)), first)
        return dataset

    def _describe_files(self) -> Iterator[tuple[str, Fingerprint]]:
        prefixes = {**self._prefixes("train"), **self._prefixes("valid")}
        for split, names in prefixes.items():
            for language, files in zip(self.languages, self._files(split), strict=True):
                for name, file in zip(names, files, strict=True):
                    yield f"{name}.{language}", fingerprint_text(file)

    def _describe_dictionaries(self) -> Iterator[tuple[str, Fingerprint]]:
        names = ["joined"] if self.cfg.joined_dictionary else self.languages
        for name, dictionary in zip(names, self._dictionaries, strict=False):
            yield f"dictionary {name} ({type(dictionary).__name__})", dictionary.describe()

    def _corpus(self) -> Path:
        if not self.cfg.data.startswith("builtin:"):
            return Path(self.cfg.data).expanduser()
        if self.cfg.data != BUILTIN:
            raise ConfigError(f"task.data={self.cfg.data}: the one built-in corpus is {BUILTIN}")
        key = {"version": number_names.VERSION}
        return cached(Path(self.cfg.cache_dir), "number_names", key, number_names.write_corpus)

    def _prefixes(self, kind: str) -> dict[str, list[str]]:
        """Return the prefixes of the files of each split of a kind."""
        if kind == "train":
            return {"train": self.cfg.train}
        each = {"valid": self.cfg.valid, "test": self.cfg.test}[kind]
        return {f"{kind}{number or ''}": [prefix] for number, prefix in enumerate(each)}

    def _files(self, split: str) -> tuple[list[Path], list[Path]]:
        """Return the source and the target files of a split."""
        splits = {**self._prefixes("train"), **self._prefixes("valid"), **self._prefixes("test")}
        if split not in splits:
            raise ConfigError(f"there is no split {split!r}; there are: {', '.join(splits)}")
        corpus = self._corpus()
        source, target = (
            [find_text(corpus, prefix, language) for prefix in splits[split]] for language in self.languages
        )
        return source, target

    @property
    def _dictionaries(self) -> tuple[Dictionary, Dictionary]:
        return self.info.source_dictionary, self.info.target_dictionary

    def _learn_dictionaries(self) -> Path:
        files = dict(zip(self.languages, self._files("train"), strict=True))
        names = ["joined"] if self.cfg.joined_dictionary else list(files)
        key = {
            "tokenizer": self.tokenizer.key(),
            "external": [hash_file(file) for name in names for file in self.tokenizer.external_files(name)],
            "text": {language: [hash_file(file) for file in paths] for language, paths in files.items()},
            "names": names,
        }

        def learn(directory: Path) -> None:
            if self.cfg.joined_dictionary:
                self.tokenizer.train(lines_of(chain.from_iterable(files.values())), directory, "joined")
                return
            for language, paths in files.items():
                self.tokenizer.train(lines_of(paths), directory, language)

        return cached(Path(self.cfg.cache_dir), "dictionary", key, learn)

    def _read_dictionaries(self, directory: Path) -> None:
        # Kept, so that checkpoints do not depend on a cache that may be emptied meanwhile.
        files = sorted(file for file in directory.iterdir() if file.is_file() and file.name not in OWN_FILES)
        self._dictionary_files = {file.name: file.read_bytes() for file in files}
        if self.cfg.joined_dictionary:
            source = target = self.tokenizer.load(directory, "joined")
        else:
            source, target = (self.tokenizer.load(directory, language) for language in self.languages)
        limits = (self.cfg.max_source_positions, self.cfg.max_target_positions)
        self.info = TaskInfo(source, target, limits)


def _place(number: int, files: Sequence[tuple[Path, int]]) -> str:
    """Return ``file:line`` of a sentence in files with so many lines each; sentences count from 0, lines from 1."""
    for file, lines in files:
        if number < lines:
            return f"{file}:{number + 1}"
        number -= lines
    raise IndexError(number)
