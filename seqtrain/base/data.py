"""What passes between plug-ins: dictionaries, batches, sums and outputs, datasets and their plans."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqtrain.base.fingerprints import Fingerprint


class Dictionary(ABC):
    """Symbols and their ids; the same for text as a whole: ``encode`` and ``decode``."""

    bos: ClassVar[int] = 0
    pad: ClassVar[int] = 1
    eos: ClassVar[int] = 2
    unk: ClassVar[int] = 3
    specials: ClassVar[tuple[str, ...]] = ("<s>", "<pad>", "</s>", "<unk>")

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of symbols, specials included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without beginning or end of sentence."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bos, pad and eos are left out."""

    @abstractmethod
    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""

    def split(self, text: str) -> list[str]:
        """Return the symbols of ``text``, one for each id; unknown ones as they are written, where that can be told."""
        return [self.symbol(id) for id in self.encode(text)]

    def decode_with(self, ids: Iterable[int], unknown: Iterable[str]) -> str:
        """Return the text of ``ids``, with the next of ``unknown`` for each unk, where they can be put there."""
        return self.decode(ids)

    def symbols_of(self, ids: Iterable[int], unknown: Iterable[str]) -> Iterator[str]:
        """Yield the symbols of ``ids`` but bos, pad and eos; for each unk the next of ``unknown``, if one is left."""
        given = iter(unknown)
        for id in ids:
            if id >= self.unk:
                yield next(given, self.symbol(id)) if id == self.unk else self.symbol(id)

    def is_text(self, ids: Tensor) -> Tensor:
        """Return which ids (...) stand for text, known or not: bool (...), False at bos, pad, eos and tags."""
        return ids.ge(self.unk)

    @property
    def fingerprint(self) -> str:
        """Hash of what determines the ids: the kind of dictionary and its symbols in order."""
        symbols = "\n".join([type(self).__qualname__, *map(self.symbol, range(len(self)))])
        return hashlib.sha256(symbols.encode()).hexdigest()

    def describe(self) -> Fingerprint:
        """Return the fingerprint with that of blocks of symbols, so that a difference can be found."""
        symbols = Fingerprint.of("symbols", (f"{self.symbol(id)}\n".encode() for id in range(len(self))))
        return replace(symbols, sha256=self.fingerprint)

    def in_language(self, language: str) -> "Dictionary":
        """Return the dictionary for text of a language, ``de``: the same ids; itself where that makes no difference."""
        return self

    def shares_ids_with(self, other: "Dictionary") -> bool:
        """Whether the two are one for the model, so that it may share their embeddings."""
        return self is other

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        """Encode many lines; a dictionary that can do so faster overrides this."""
        return [self.encode(line) for line in lines]

    @property
    def samples(self) -> bool:
        """Whether training encodes its text by chance, anew for each epoch."""
        return False

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        """Encode by chance the text that ``ids`` stand for: other ids that decode to the same.

        A pure function of its arguments, whatever the thread, the process, and what was encoded before; ``seed`` has
        63 bits. bos, pad, eos and unk stay where they are, so that ``ids`` may be many sentences in a row. Without
        sampling the ids are the same.
        """
        return list(ids)


@dataclass(frozen=True)
class TaskInfo:
    """What a model or a criterion may know of the task; a task adds fields in a subclass."""

    source_dictionary: Dictionary
    """Symbols of the source; where the two are joint the same as ``target_dictionary`` (``shares_ids_with``)."""
    target_dictionary: Dictionary
    """Symbols of the target."""
    max_positions: tuple[int, int] = (1024, 1024)
    """Longest source and target, end of sentence included."""
    decoding_start: int = Dictionary.eos
    """Token that decoding starts from."""
    predicts: str = ""
    """What ``target`` is to what the model sees, as the config says it, where a task leaves that to the config."""


@dataclass(frozen=True)
class Batch:
    """What one forward pass sees."""

    ids: Tensor
    """Numbers of the sentences in their dataset, (B,)."""
    net_input: dict[str, Tensor]
    """Keyword arguments of the model's ``forward``; the tensors have a row for each sentence, (B, ...)."""
    target: Tensor
    """Ids to predict, padded on the right, (B, T)."""
    ntokens: int
    """Target tokens, padding left out."""
    nsentences: int
    """B."""
    seed: int = 0
    """Seed of dropout and other noise in this batch: a function of (seed, epoch, micro-batch index)."""
    alignments: Tensor | None = None
    """Positions of source and target tokens that belong together, (B, A, 2), filled up with -1; where known."""

    @property
    def longest(self) -> int:
        """Positions of its longest side, padding included."""
        return max(x.shape[1] for x in (self.target, *self.net_input.values()) if x.ndim > 1)

    def rows(self, first: int, end: int) -> "Batch":
        """Return the sentences from ``first`` to before ``end``, padded as they are; their noise is their own."""
        sliced = {f.name: self._sliced(getattr(self, f.name), first, end) for f in fields(self)}
        ntokens = int(sliced["target"].ne(Dictionary.pad).sum())
        return replace(self, **sliced | {"ntokens": ntokens, "nsentences": end - first, "seed": self.seed + first})

    def _sliced(self, value: Any, first: int, end: int) -> Any:
        if isinstance(value, dict):
            return {name: self._sliced(x, first, end) for name, x in value.items()}
        is_by_row = isinstance(value, Tensor) and value.ndim > 0 and len(value) == self.nsentences
        return value[first:end] if is_by_row else value

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on ``device``."""
        if self.target.device == device:
            return self
        return replace(
            self,
            ids=_sent(self.ids, device),
            net_input={name: _sent(x, device) for name, x in self.net_input.items()},
            target=_sent(self.target, device),
            alignments=None if self.alignments is None else _sent(self.alignments, device),
        )


def _sent(x: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; no GPU is waited for, which takes a CPU's memory that stays where it is."""
    return (x.pin_memory() if device.type == "cuda" and x.device.type == "cpu" else x).to(device, non_blocking=True)


class Sum(NamedTuple):
    """A sum over a batch and the weight to divide it by; sums of batches and ranks add up."""

    value: Tensor | float
    weight: Tensor | float


class LossOutput(NamedTuple):
    """What a criterion returns."""

    loss: Tensor
    """Sum over the batch, in nats, ()."""
    sample_size: int
    """Denominator of the gradient: tokens or sentences."""
    metrics: dict[str, Sum]
    """Sums to report, by name, detached."""


@dataclass(frozen=True)
class PlanSpec:
    """How sentences become micro-batches; with the data, the seed and the epoch it fixes the plan."""

    max_tokens: int = 0
    """Most tokens in a batch: sentences times longest side; 0 sets no limit."""
    max_sentences: int = 0
    """Most sentences in a batch; 0 sets no limit."""
    multiple: int = 1
    """Batches are cut to a multiple of this many sentences where that is possible."""
    seed: int = 1
    """Seed of the order."""
    shuffle: bool = True
    """Whether the order is random; otherwise it is that of the lengths."""
    window: int = 0
    """Sentences that are planned at a time where the order is random; 0 plans all of an epoch at once."""
    lanes: int = 1
    """Windows that batches are taken from in turns: as many as an update has micro-batches."""


class Shard(NamedTuple):
    """Which micro-batches a process takes: those with index % world == rank."""

    rank: int = 0
    """Number of the process."""
    world: int = 1
    """Number of processes."""


class Dataset(ABC):
    """Sentences by number, and how to batch them."""

    fingerprint: str
    """Hash of the content."""
    truncated: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
    """Numbers of the sentences of which a model sees only the beginning."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of sentences."""

    @abstractmethod
    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return the sentences with these numbers as one batch."""

    @abstractmethod
    def batches(self, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0) -> Iterator[Batch]:
        """Yield the micro-batches of an epoch from the ``start``-th on."""
