"""Language modelling: predict each token of a text from those before it."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from seqtrain.base import Dictionary, EncoderDecoderModel
from seqtrain.config import ModelConfig
from seqtrain.data.blocks import BlockDataset, BlockSpec, PromptDataset, Target
from seqtrain.data.corpus import Corpus
from seqtrain.data.cuts import BreakMode
from seqtrain.data.data_bin import DataBin
from seqtrain.data.dataset import PlannedDataset
from seqtrain.data.encoding import sample
from seqtrain.data.number_names import BUILTIN
from seqtrain.data.seeds import derive_seed
from seqtrain.data.store import Tokens
from seqtrain.data.text import TextSize, find_monolingual_text, find_text
from seqtrain.errors import DataError
from seqtrain.fields import bounded
from seqtrain.tasks import TaskInfo, register_task
from seqtrain.tasks._model_kinds import refuse
from seqtrain.tasks._text import TextConfig, TextTask

log = logging.getLogger(__name__)


@dataclass
class LanguageModelingConfig(TextConfig):
    """Config of the task ``language_modeling``."""

    has_references: ClassVar[bool] = False

    data: str = BUILTIN
    """Directory of ``<name>`` or ``<name>.txt``, plain or .gz, or fairseq's data-bin, or builtin:number_names."""
    valid_share: float = bounded(0.0, at_least=0, below=1)
    """Share of the training tokens, at their end, that is the validation set; with ``valid=[]``, cut at a line."""
    sample_break_mode: BreakMode = BreakMode.none
    """Where blocks end: anywhere (none), at a line (complete), and at empty ones (complete_doc), at each line (eos)."""
    tokens_per_sample: int = bounded(1024, at_least=1)
    """Most tokens of a block; a line that is longer is cut into several blocks."""
    max_target_positions: int | None = bounded(None, at_least=1)
    """Most tokens that the model can see, prompt and continuation included; ``tokens_per_sample`` if null."""
    target: Target = Target.future
    """What is predicted where the model sees a token: the next one (future), itself (self), the one before (past)."""
    add_bos_token: bool = False
    """Begin each block and prompt, and each document if ``isolate_documents``, with ``<s>``, not the token before."""
    isolate_documents: bool = False
    """Tell the model of which document each token is, so that attention does not cross empty lines."""
    shift_blocks: bool = False
    """Cut the training text elsewhere in each epoch, where blocks end anywhere."""
    context_window: int = bounded(0, at_least=0)
    """Tokens of each block, validation and test, that are only given; they are those before it, so blocks overlap."""

    @property
    def max_positions(self) -> int:
        """Most tokens that the model can see."""
        return self.max_target_positions or self.tokens_per_sample

    def contradictions(self) -> Iterable[str]:
        """Blocks have room for what they hold, and the validation set is one thing."""
        yield from super().contradictions()
        size, window = self.tokens_per_sample, self.context_window
        if self.max_positions < size:
            yield f"task.tokens_per_sample={size} is over task.max_target_positions={self.max_target_positions}"
        if window >= size:
            yield f"task.context_window={window} leaves nothing to predict of task.tokens_per_sample={size}"
        if self.shift_blocks and self.sample_break_mode is not BreakMode.none:
            yield "task.shift_blocks=true needs task.sample_break_mode=none: other blocks are cut where lines end"
        if self.valid_share and self.valid:
            yield "task.valid_share takes the validation set from the end of the training text: set task.valid=[]"

    def block_spec(self, *, context: int = 0, shift: int = 0) -> BlockSpec:
        """Return how a text becomes blocks."""
        return BlockSpec(
            mode=self.sample_break_mode,
            size=self.tokens_per_sample,
            limit=self.max_positions,
            target=self.target,
            context=context,
            bos=self.add_bos_token,
            documents=self.isolate_documents,
            shift=shift,
        )


@register_task("language_modeling", LanguageModelingConfig)
class LanguageModelingTask(TextTask[BlockDataset]):
    """Lines of text, one after the other, in blocks; the end of a line is a token, and an empty line is only that."""

    cfg: LanguageModelingConfig

    def __init__(self, cfg: LanguageModelingConfig) -> None:
        super().__init__(cfg)
        self._epoch: BlockDataset | None = None  # the training data as it was last asked for
        self._lines: dict[str, range] = {}
        self._sizes: dict[str, TextSize] = {}

    @property
    def title(self) -> str:
        """Language modelling."""
        return "language modelling"

    @property
    def dictionary_names(self) -> tuple[str, ...]:
        """There is one."""
        return ("text",)

    def check_model(self, cfg: ModelConfig) -> None:
        """Refuse a model that translates.

        Raises:
            ConfigError: it is such a model.
        """
        why = "it translates, and here is one text; choose one that continues it, such as model=transformer_lm"
        refuse(cfg, self.cfg, EncoderDecoderModel, why)

    def prepare(self) -> None:
        """Learn the dictionary from the training text and index the training and validation text.

        Raises:
            DataError: a file is missing, empty or no UTF-8 text.
        """
        super().prepare()
        for split in self.splits("valid"):
            self.counts(split)  # now: the files may change while training goes on

    def find_files(self, prefix: str) -> list[tuple[str, Path]]:
        """Return the file ``<prefix>``, else ``<prefix>.txt``, or fairseq's; of the built-in corpus the English one."""
        if isinstance(self.corpus, DataBin):
            return self.corpus.find_files(prefix)
        if self.cfg.data == BUILTIN:
            return [(prefix, find_text(self.directory(), prefix, "en"))]
        return [(prefix, find_monolingual_text(self.directory(), prefix))]

    def files(self, split: str) -> tuple[list[Path], ...]:
        """Return the files of a split; of ``valid``, say what to do without."""
        try:
            return super().files(split)
        except DataError as error:
            without = "; task.valid=[] task.valid_share=0.1 takes the end of the training text instead"
            raise DataError(f"{error}{without if split == 'valid' else ''}") from error

    def prefixes(self, kind: str) -> dict[str, list[str]]:
        """Return the names of the files of each split of a kind; ``valid`` may be a share of those of ``train``."""
        if kind == "valid" and self.cfg.valid_share:
            return {"valid": self.cfg.train}
        return super().prefixes(kind)

    def corpus_of(self, split: str) -> Corpus:
        """Return how the files of a split are read; a share of the training text is read as that is."""
        return super().corpus_of("train" if self._is_share(split) else split)

    def open_split(self, split: str) -> BlockDataset:
        """Return a split in blocks.

        Raises:
            DataError: a file is missing, empty or no UTF-8 text.
        """
        tokens, self._lines[split] = self._share(split)
        if not len(tokens):
            names = ", ".join(map(str, self.files(split)[0]))
            raise DataError(f"{split} is empty: {names} has no lines, or task.valid_share leaves none")
        context = 0 if split == "train" else self.cfg.context_window
        dataset = BlockDataset(tokens, self.cfg.block_spec(context=context))
        if not len(dataset):
            raise DataError(f"{split} has nothing but empty lines: there is nothing to predict")
        log.info("%s: %d lines, %d tokens in %d blocks", split, len(tokens), dataset.num_tokens, len(dataset))
        return dataset

    def training_dataset(self, *, epoch: int, seed: int) -> PlannedDataset:
        """Return what an epoch sees: the same blocks each time, or cut or sampled anew, or some of each training set.

        Where each epoch has other blocks, sets are mixed by their shares, but what was seen before is not counted.
        """
        self._epoch = dataset = self._training_blocks(epoch, seed)
        return self.seen(dataset, dataset.sentences, self._sizes_of_sets, epoch=epoch, seed=seed)

    @cached_property
    def _sizes_of_sets(self) -> list[int]:
        """Lines of each training set; nobody asks where sets are not mixed."""
        if not self.cfg.mixes:
            return []
        return [sum(size for _, size in self.corpus.sizes(file)) for file in self.files("train")[0]]

    def counts(self, split: str) -> dict[str, int]:
        """Return the tokens that are predicted, and the characters, bytes and words of the text as it was.

        The end of a line counts as a character and a byte where it is predicted; it is no word.
        """
        dataset = self.dataset(split)
        if split not in self._sizes:
            lines = self._lines[split]
            text = self.corpus_of(split).lines(self.files(split)[0], self.info.source_dictionary)
            self._sizes[split] = TextSize.of(islice(text, lines.start, lines.stop))
        size, boundaries = self._sizes[split], len(dataset.tokens.tokens) - dataset.num_tokens
        ends = size.lines - boundaries
        return {
            "tokens": dataset.num_tokens,
            "characters": size.characters + ends,
            "bytes": size.bytes + ends,
            "words": size.words,
        }

    def places(self, split: str, numbers: Sequence[int]) -> list[str]:
        """Return ``FILE:LINE`` of the line in which each block begins; of training, as the last epoch was cut."""
        dataset = self._epoch if split == "train" and self._epoch else self.dataset(split)
        sentences = dataset.sentences(np.array(numbers, dtype=np.int64))
        return super().places(split, (sentences + self._lines[split].start).tolist())

    def inference_dataset(self, lines: Sequence[str]) -> PromptDataset:
        """Return lines as prompts to continue; one that leaves no room for a token more is truncated."""
        return PromptDataset(self.info.source_dictionary.encode_lines(lines), self.cfg.max_positions - 1)

    def describe(self, dictionaries: Sequence[Dictionary]) -> TaskInfo:
        """Return the dictionary, most tokens that the model can see, what decoding starts from, what is predicted."""
        (dictionary,) = dictionaries
        start = dictionary.bos if self.cfg.add_bos_token else dictionary.eos
        limits, predicts = (self.cfg.max_positions, self.cfg.max_positions), f"task.target={self.cfg.target.value}"
        return TaskInfo(dictionary, dictionary, limits, start, predicts)

    def _training_blocks(self, epoch: int, seed: int) -> BlockDataset:
        """Return all training data, sampled or cut as in an epoch."""
        plain = self.dataset("train")
        dictionary, size, tokens = self.info.source_dictionary, self.cfg.tokens_per_sample, plain.tokens
        if dictionary.samples:
            tokens = sample(tokens, np.arange(len(tokens)), dictionary, seed, epoch, 0)
        shift = derive_seed("blocks", seed, epoch) % size if self.cfg.shift_blocks else 0
        if tokens is plain.tokens and not shift:
            return plain
        return BlockDataset(tokens, self.cfg.block_spec(shift=shift))

    def _is_share(self, split: str) -> bool:
        return self.cfg.valid_share > 0 and split in ("train", "valid")

    def _share(self, split: str) -> tuple[Tokens, range]:
        """Return the token ids of a split, and which lines of its files they are: all, or its share."""
        (files,) = self.files(split)
        tokens = self.corpus_of(split).index(files, self.info.source_dictionary, Path(self.cfg.cache_dir))
        if not self._is_share(split):
            return tokens, range(len(tokens))
        cut = int(np.searchsorted(tokens.offsets, (1 - self.cfg.valid_share) * tokens.offsets[-1]))
        lines = range(cut) if split == "train" else range(cut, len(tokens))
        return tokens.part(lines.start, lines.stop), lines
