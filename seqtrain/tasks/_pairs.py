"""What tasks over sentence pairs share: sets of pairs, what sentences of each begin with, what an epoch sees of it."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from omegaconf import II

from seqtrain.base import DecoderModel, Dictionary
from seqtrain.config import ModelConfig
from seqtrain.data.corpus import place
from seqtrain.data.dataset import PlannedDataset
from seqtrain.data.encoding import sample
from seqtrain.data.parallel import PairsDataset, ParallelDataset, SourceDataset
from seqtrain.data.sentences import Sentences, joined
from seqtrain.data.streamed_pairs import StreamedPairs
from seqtrain.data.tags import tagged
from seqtrain.errors import ConfigError, DataError
from seqtrain.fields import bounded
from seqtrain.tasks import TaskInfo
from seqtrain.tasks._model_kinds import refuse
from seqtrain.tasks._text import TextConfig, TextTask

log = logging.getLogger(__name__)


@dataclass
class PairsConfig(TextConfig):
    """Base of the configs of tasks over sentence pairs."""

    source_tags: list[str] = field(default_factory=list)
    """Symbol that the sources of each training set begin with, such as ``<BT>``; '' for none; empty: none at all."""
    max_source_positions: int = bounded(1024, at_least=1)
    """Longest source, in tokens with end of sentence; a longer one is left out of training, and cut elsewhere."""
    max_target_positions: int = bounded(1024, at_least=1)
    """Longest target, in tokens with end of sentence; a longer one is left out of training, and cut elsewhere."""
    shuffle_window: int = bounded(II("dataset.shuffle_window"), at_least=0)
    """Training pairs that are planned at a time, for which see ``dataset.shuffle_window``."""

    @property
    def streams(self) -> bool:
        """Whether training data is planned in windows; not where a config built by hand has the reference for it."""
        return isinstance(self.shuffle_window, int) and self.shuffle_window > 0

    def contradictions(self) -> Iterable[str]:
        """What is given for each training set is given for all."""
        yield from super().contradictions()
        yield from self.one_a_set("source_tags")
        if self.streams and self.mixes:
            yield (
                "dataset.shuffle_window goes without task.train_weights, task.sampling_temperature and "
                "task.epoch_size, which need the lengths of all sentences in memory"
            )


class Beginning(NamedTuple):
    """Ids at the front of each sentence of a set, which no text encodes to."""

    source: Sequence[int] = ()
    target: Sequence[int] = ()


class PairsTask(TextTask[PairsDataset]):
    """Pairs of lines: line n of a target file is the translation of line n of its source file."""

    cfg: PairsConfig

    def check_model(self, cfg: ModelConfig) -> None:
        """Refuse a model that sees no source.

        Raises:
            ConfigError: it is such a model.
        """
        why = "it continues one text, and here is a source to translate; choose another, such as model=transformer"
        refuse(cfg, self.cfg, DecoderModel, why)

    @property
    def tags(self) -> list[str]:
        """Symbols besides those of text, in the order of their ids."""
        return list(dict.fromkeys(filter(None, self.cfg.source_tags)))

    def tag_id(self, tag: str) -> int:
        """Return the id of one of ``tags``, in the source dictionary and in a joined one."""
        return len(self.dictionaries[0]) + self.tags.index(tag)

    def beginning(self, split: str, number: int) -> Beginning:
        """Return what the sentences of a split's set with this number begin with."""
        tag = self.cfg.source_tags[number] if split == "train" and self.cfg.source_tags else ""
        return Beginning([self.tag_id(tag)] if tag else [])

    def training_dataset(self, *, epoch: int, seed: int) -> PlannedDataset:
        """Return what an epoch sees of the training data; with subword sampling encoded anew."""
        plain = self.dataset("train")
        seen = self.seen(plain, lambda ids: ids, plain.source.sizes, epoch=epoch, seed=seed)
        return self._sampled(seen.ids, epoch, seed) if self._samples else seen

    def text(self, split: str) -> tuple[list[str], list[str]]:
        """Return the lines of both sides of a split."""
        return self._lines(split, 0), self._lines(split, 1)

    def inference_dataset(self, lines: Sequence[str]) -> SourceDataset:
        """Return lines of the source language as sentences to decode."""
        source = self.info.source_dictionary
        sentences = [[*ids, source.eos] for ids in source.encode_lines(lines)]
        return SourceDataset(sentences, self.info.max_positions[0])

    def open_split(self, split: str) -> PairsDataset:
        """Return a split, indexed, and say which pairs are left out or cut.

        Raises:
            ConfigError: ``dataset.shuffle_window`` does not go with the rest of the config.
            DataError: a file is missing, empty, unequal to its partner, or no UTF-8 text.
        """
        files, corpus = self.files(split), self.corpus_of(split)
        sizes = [size for pair in zip(*files, strict=True) for size in corpus.check_parallel(*pair)]
        if not any(size for _, size in sizes):
            raise DataError(f"{split} is empty: {', '.join(map(str, files[0]))} has no lines")
        source, target = self.pairs(split)
        if split == "train" and self.cfg.streams:
            return self._streamed(source, target)
        dataset = ParallelDataset(source, target, self.info.max_positions, for_training=split == "train")
        log.info("%s: %d sentence pairs, %d + %d tokens", split, len(dataset), *dataset.num_tokens)
        self._report(split, dataset, sizes)
        return dataset

    def pairs(self, split: str) -> tuple[Sentences, Sentences]:
        """Return both sides of a split: its sets one after the other, each sentence with what its set begins with."""
        beginnings = [self.beginning(split, number) for number in range(len(self.sets(split)))]
        source = self._side(split, 0, [beginning.source for beginning in beginnings])
        return source, self._side(split, 1, [beginning.target for beginning in beginnings])

    def describe(self, dictionaries: Sequence[Dictionary]) -> TaskInfo:
        """Return the dictionaries of source and target, and the limits on their lengths."""
        source = tagged(dictionaries[0], self.tags)
        target = dictionaries[1] if len(dictionaries) > 1 else source
        limits = (self.cfg.max_source_positions, self.cfg.max_target_positions)
        return TaskInfo(source.in_language(self.languages[0]), target.in_language(self.languages[1]), limits)

    def _lines(self, split: str, side: int) -> list[str]:
        """Return the lines of the source (0) or target (1), those of each set in its language."""
        dictionary = (self.info.source_dictionary, self.info.target_dictionary)[side]
        dictionaries = [dictionary.in_language(self.languages_of(name)[side]) for name in self.sets(split)]
        files = zip(self.files(split)[side], dictionaries, strict=True)
        return [line for file, found in files for line in self.corpus_of(split).lines([file], found)]

    def _side(self, split: str, side: int, beginnings: Sequence[Sequence[int]]) -> Sentences:
        """Return the source (0) or target (1) of a split."""
        plain, corpus, cache_dir = self.dictionaries[-side], self.corpus_of(split), Path(self.cfg.cache_dir)
        dictionaries = [plain.in_language(self.languages_of(name)[side]) for name in self.sets(split)]
        files = zip(self.files(split)[side], dictionaries, strict=True)
        return joined([corpus.index([file], dictionary, cache_dir) for file, dictionary in files], beginnings)

    @property
    def _samples(self) -> bool:
        """Whether each epoch encodes its text anew."""
        return any(dictionary.samples for dictionary in self.dictionaries)

    def _streamed(self, source: Sentences, target: Sentences) -> StreamedPairs:
        """Return the training pairs as data that is larger than memory, and say how many are left out."""
        if self._samples or self.corpus.num_turns > 1:
            why = "tokenizer.sampling_alpha" if self._samples else f"several directories, task.data={self.cfg.data}"
            raise ConfigError(f"dataset.shuffle_window goes without {why}: what an epoch sees is held in memory there")
        limits, window = self.info.max_positions, self.cfg.shuffle_window
        dataset = StreamedPairs(source, target, limits, window, Path(self.cfg.cache_dir))
        log.info("train: %d sentence pairs, planned %d at a time", len(dataset), window)
        if dataset.num_left_out:
            what = "with an empty side, or one over the limit of"
            log.warning(
                "train: left out %d pairs %s %d source or %d target tokens", dataset.num_left_out, what, *limits
            )
        return dataset

    def _sampled(self, numbers: npt.NDArray[np.int64], epoch: int, seed: int) -> ParallelDataset:
        """Return pairs by their numbers, encoded anew."""
        start, plain, info = time.monotonic(), self.dataset("train"), self.info
        sides = enumerate(
            zip((plain.source, plain.target), (info.source_dictionary, info.target_dictionary), strict=True)
        )
        source, target = (sample(side, numbers, found, seed, epoch, number) for number, (side, found) in sides)
        dataset = ParallelDataset(source, target, info.max_positions, for_training=True, numbers=numbers)
        tokens = "{} + {} tokens".format(*dataset.num_tokens)
        seconds = time.monotonic() - start
        log.info("epoch %d: %d sentence pairs sampled as %s in %.1f s", epoch, len(dataset), tokens, seconds)
        return dataset

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
