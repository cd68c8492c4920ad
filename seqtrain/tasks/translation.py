"""Translation: sentences of one language into those of another, from raw text."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from seqtrain.base import Dictionary
from seqtrain.config import TaskConfig
from seqtrain.data import number_names
from seqtrain.data.cache import KEY_FILE, cached
from seqtrain.data.chunks import chunked
from seqtrain.data.parallel import ParallelDataset, SourceDataset
from seqtrain.data.store import TokenStore
from seqtrain.data.text import check_parallel, find_text, hash_file, read_lines
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

    def save(self, directory: Path) -> None:
        """Write the tokenizer's files into ``tokenizer/``."""
        (directory / "tokenizer").mkdir()
        for name, content in self._dictionary_files.items():
            (directory / "tokenizer" / name).write_bytes(content)

    def load(self, directory: Path) -> None:
        """Read the tokenizer's files from ``tokenizer/``."""
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

    def text(self, split: str) -> tuple[list[str], list[str]]:
        """Return the lines of both sides of a split."""
        source, target = (list(_lines(files)) for files in self._files(split))
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
        dictionaries = (self.info.source_dictionary, self.info.target_dictionary)
        source, target = (self._index(f, d) for f, d in zip(files, dictionaries, strict=True))
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

    def _index(self, files: Sequence[Path], dictionary: Dictionary) -> TokenStore:
        key = {"text": [hash_file(file) for file in files], "dictionary": dictionary.fingerprint}
        make = partial(_write_store, files, dictionary)
        store = TokenStore(cached(Path(self.cfg.cache_dir), "tokens", key, make))
        store.verify()
        return store

    def _learn_dictionaries(self) -> Path:
        files = dict(zip(self.languages, self._files("train"), strict=True))
        names = ["joined"] if self.cfg.joined_dictionary else list(files)
        key = {
            "tokenizer": repr(self.cfg.tokenizer),
            "external": [hash_file(file) for name in names for file in self.tokenizer.external_files(name)],
            "text": {language: [hash_file(file) for file in paths] for language, paths in files.items()},
            "names": names,
        }

        def learn(directory: Path) -> None:
            if self.cfg.joined_dictionary:
                self.tokenizer.train(_lines(chain.from_iterable(files.values())), directory, "joined")
                return
            for language, paths in files.items():
                self.tokenizer.train(_lines(paths), directory, language)

        return cached(Path(self.cfg.cache_dir), "dictionary", key, learn)

    def _read_dictionaries(self, directory: Path) -> None:
        # Kept, so that checkpoints do not depend on a cache that may be emptied meanwhile.
        files = sorted(file for file in directory.iterdir() if file.name != KEY_FILE)
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


def _lines(files: "chain[Path] | Sequence[Path]") -> Iterator[str]:
    return chain.from_iterable(map(read_lines, files))


def _write_store(files: Sequence[Path], dictionary: Dictionary, directory: Path) -> None:
    """Index text: in windows of lines, so that memory stays bounded."""

    def sentences() -> Iterator[list[int]]:
        for window in chunked(_lines(files), 10_000):
            yield from ([*ids, dictionary.eos] for ids in dictionary.encode_lines(window))

    TokenStore.write(directory, sentences(), len(dictionary))
