"""Translation: sentences of one language into those of another, from raw text."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.data import number_names
from seqtrain.data.alignments import index_alignments
from seqtrain.data.cache import cached
from seqtrain.data.data_bin import DataBin
from seqtrain.data.dataset import PlannedDataset
from seqtrain.data.encoding import sample
from seqtrain.data.parallel import ParallelDataset, SourceDataset
from seqtrain.data.text import find_text, fingerprint_text
from seqtrain.errors import ConfigError, DataError
from seqtrain.fields import bounded
from seqtrain.tasks import TaskInfo, register_task
from seqtrain.tasks._text import TextConfig, TextTask, place

log = logging.getLogger(__name__)

BUILTIN = "builtin:number_names"


@dataclass
class TranslationConfig(TextConfig):
    """Config of the task ``translation``."""

    data: str = BUILTIN
    """Directory of text files ``<prefix>.<language>``, plain or .gz, or fairseq's data-bin, or builtin:number_names."""
    source_lang: str = "en"
    """Suffix of the source files."""
    target_lang: str = "de"
    """Suffix of the target files."""
    load_alignments: bool = False
    """Read word alignments too, ``<prefix>.align.<source_lang>-<target_lang>``, lines such as ``0-0 1-2`` of tokens."""
    joined_dictionary: bool = True
    """One dictionary for both languages; needed to share all embeddings."""
    max_source_positions: int = bounded(1024, at_least=1)
    """Longest source, in tokens with end of sentence; a longer one is left out of training, and cut elsewhere."""
    max_target_positions: int = bounded(1024, at_least=1)
    """Longest target, in tokens with end of sentence; a longer one is left out of training, and cut elsewhere."""


@register_task("translation", TranslationConfig)
class TranslationTask(TextTask[ParallelDataset]):
    """Pairs of lines: line n of a target file is the translation of line n of its source file."""

    cfg: TranslationConfig

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target language."""
        return self.cfg.source_lang, self.cfg.target_lang

    @property
    def dictionary_names(self) -> tuple[str, ...]:
        """``joined``, or the two languages."""
        return ("joined",) if self.cfg.joined_dictionary else self.languages

    def prepare(self) -> None:
        """Learn the dictionaries from the training text and index the training and validation text.

        Raises:
            DataError: a file is missing, unequal to its partner, or no UTF-8 text.
        """
        generated = ", the built-in number names" if self.cfg.data == BUILTIN else ""
        log.info("translation %s-%s, task.data=%s%s", *self.languages, self.cfg.data, generated)
        super().prepare()

    def find_files(self, prefix: str) -> list[tuple[str, Path]]:
        """Return ``<prefix>.<language>`` for source and target, or fairseq's files for it."""
        if isinstance(self.corpus, DataBin):
            return self.corpus.find_files(prefix, self.languages)
        corpus = self._corpus()
        return [(f"{prefix}.{language}", find_text(corpus, prefix, language)) for language in self.languages]

    def training_dataset(self, *, epoch: int, seed: int) -> PlannedDataset:
        """Return the training data: the same in each epoch, or that of one directory, or with subwords sampled anew."""
        plain = self.dataset("train")
        if not any(dictionary.samples for dictionary in self.dictionaries):
            return self.in_turn(plain, lambda ids: ids, epoch)
        start, dictionaries = time.monotonic(), (self.info.source_dictionary, self.info.target_dictionary)
        sides = enumerate(zip((plain.source, plain.target), dictionaries, strict=True))
        source, target = (sample(tokens, d, seed, epoch, side) for side, (tokens, d) in sides)
        dataset = ParallelDataset(source, target, self.info.max_positions, for_training=True)
        tokens = "{} + {} tokens".format(*dataset.num_tokens)
        seconds = time.monotonic() - start
        log.info("epoch %d: %d sentence pairs sampled as %s in %.1f s", epoch, len(dataset), tokens, seconds)
        return self.in_turn(dataset, lambda ids: ids, epoch)

    def text(self, split: str) -> tuple[list[str], list[str]]:
        """Return the lines of both sides of a split."""
        sides = zip(self.files(split), (self.info.source_dictionary, self.info.target_dictionary), strict=True)
        source, target = (list(self.corpus.lines(files, dictionary)) for files, dictionary in sides)
        return source, target

    def inference_dataset(self, lines: Sequence[str]) -> SourceDataset:
        """Return lines of the source language as sentences to decode."""
        source = self.info.source_dictionary
        sentences = [[*ids, source.eos] for ids in source.encode_lines(lines)]
        return SourceDataset(sentences, self.info.max_positions[0])

    def open_split(self, split: str) -> ParallelDataset:
        """Return a split, indexed, and say which pairs are left out or cut.

        Raises:
            DataError: a file is missing, empty, unequal to its partner, or no UTF-8 text.
        """
        files = self.files(split)
        sizes = [size for pair in zip(*files, strict=True) for size in self.corpus.check_parallel(*pair)]
        if not any(size for _, size in sizes):
            raise DataError(f"{split} is empty: {', '.join(map(str, files[0]))} has no lines")
        source, target = self.tokens(split)
        dataset = ParallelDataset(source, target, self.info.max_positions, for_training=split == "train")
        log.info("%s: %d sentence pairs, %d + %d tokens", split, len(dataset), *dataset.num_tokens)
        self._report(split, dataset, sizes)
        if alignments := self._alignment_files(split):
            dataset.align(index_alignments(list(alignments.values()), source, target, Path(self.cfg.cache_dir)))
        return dataset

    def describe(self, dictionaries: Sequence[Dictionary]) -> TaskInfo:
        """Return the dictionaries of source and target, and the limits on their lengths."""
        limits = (self.cfg.max_source_positions, self.cfg.max_target_positions)
        source, target = dictionaries[0].in_language(self.languages[0]), dictionaries[-1].in_language(self.languages[1])
        return TaskInfo(source, target, limits)

    def _alignment_files(self, split: str) -> dict[str, Path]:
        """Return the alignment files of a split by name: training needs them, other sets may have none."""
        if not self.cfg.load_alignments:
            return {}
        if any(dictionary.samples for dictionary in self.dictionaries):
            raise ConfigError("task.load_alignments=true needs the same tokens in each epoch: no subword sampling")
        prefixes = self.prefixes(split.rstrip("0123456789"))[split]
        named = {f"{prefix}.align": "-".join(self.languages) for prefix in prefixes}
        try:
            return {f"{prefix}.{pair}": find_text(self._corpus(), prefix, pair) for prefix, pair in named.items()}
        except DataError:
            if split == "train":
                raise
            return {}

    def _describe_files(self) -> dict[str, Fingerprint]:
        alignments = (self._alignment_files(split) for split in ["train", *self.splits("valid")])
        named = {name: fingerprint_text(file) for files in alignments for name, file in files.items()}
        return {**super()._describe_files(), **named}

    def _report(self, split: str, dataset: ParallelDataset, sizes: Sequence[tuple[Path, int]]) -> None:
        """Warn of pairs that are left out or cut; ``sizes`` are the source files and how many lines each has."""
        source_limit, target_limit = self.info.max_positions
        limit = f"over the limit of {source_limit} source or {target_limit} target tokens"
        for what, numbers in (
            ("left out {} pairs with an empty side", dataset.empty),
            (f"left out {{}} pairs {limit} (task.max_source_positions, task.max_target_positions)", dataset.too_long),
            (f"truncated {{}} pairs {limit}", dataset.truncated),
        ):
            if len(numbers):
                log.warning("%s: %s, the first at %s", split, what.format(len(numbers)), place(int(numbers[0]), sizes))

    def _corpus(self) -> Path:
        if not self.cfg.data.startswith("builtin:"):
            return Path(self.cfg.data).expanduser()
        if self.cfg.data != BUILTIN:
            raise ConfigError(f"task.data={self.cfg.data}: the one built-in corpus is {BUILTIN}")
        key = {"version": number_names.VERSION}
        return cached(Path(self.cfg.cache_dir), "number_names", key, number_names.write_corpus)
