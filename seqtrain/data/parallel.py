"""Datasets of translation: sentence pairs to learn from, and sentences to translate."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqtrain.base import Batch, Dictionary
from seqtrain.data.alignments import gather_links
from seqtrain.data.dataset import PlannedDataset, padded, to_decode
from seqtrain.data.sentences import Sentences
from seqtrain.data.store import Tokens
from seqtrain.errors import DataError

Matrix = npt.NDArray[np.int64]


class PairsDataset(PlannedDataset):
    """Pairs of sentences with the same number in two stores, truncated to a limit when they are collated.

    Args:
        source: one side.
        target: the other.
        max_positions: most tokens of each.
        for_training: whether pairs may be left out.
        numbers: what ``Batch.ids`` calls each pair, (N,), where they are some pairs of other data; else 0, 1, 2, ...

    Raises:
        DataError: the stores do not belong together.
    """

    def __init__(
        self,
        source: Sentences,
        target: Sentences,
        max_positions: tuple[int, int],
        *,
        for_training: bool,
        numbers: npt.NDArray[np.int64] | None = None,
    ) -> None:
        if len(source) != len(target):
            raise DataError(f"the source has {len(source)} sentences and the target {len(target)}; index both again")
        self.source, self.target = source, target
        self.links: Tokens | None = None
        """Word alignments, where they are known."""
        self.max_positions = max_positions
        self._numbers = numbers
        parts = f"{source.fingerprint} {target.fingerprint} {max_positions} {for_training}"
        self.fingerprint = hashlib.sha256(parts.encode()).hexdigest()

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return pairs (B,) as source_tokens (B, S), source_lengths (B,), prev_output_tokens and target (B, T)."""
        source, source_lengths = _ended(self.source, ids, self.max_positions[0])
        target, target_lengths = _ended(self.target, ids, self.max_positions[1])
        net_input = _source_input(source, source_lengths)
        net_input["prev_output_tokens"] = torch.from_numpy(_shifted(target))
        return Batch(
            ids=torch.from_numpy(ids if self._numbers is None else self._numbers[ids]),
            net_input=net_input,
            target=torch.from_numpy(target),
            ntokens=int(target_lengths.sum()),
            nsentences=len(ids),
            alignments=self._alignments(ids, np.stack([source_lengths, target_lengths], axis=1)),
        )

    def align(self, links: Tokens) -> None:
        """Take word alignments of all pairs, as :mod:`seqtrain.data.alignments` has them, for batches."""
        self.links = links
        self.fingerprint = hashlib.sha256(f"{self.fingerprint} {links.fingerprint}".encode()).hexdigest()

    def lengths_of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return the lengths of pairs (B,) as they are in the stores, (B, 2)."""
        lengths = np.empty((len(ids), 2), dtype=np.int32)
        lengths[:, 0], lengths[:, 1] = self.source.lengths_of(ids), self.target.lengths_of(ids)
        return lengths

    def are_empty(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of pairs (B,) have a side with nothing in it, (B,)."""
        return self.source.are_empty(ids) | self.target.are_empty(ids)

    def are_too_long(self, lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return which of pairs with lengths (B, 2) have a side over the limit, (B,)."""
        return (lengths[:, 0] > self.max_positions[0]) | (lengths[:, 1] > self.max_positions[1])

    def _alignments(self, ids: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]) -> Tensor | None:
        return None if self.links is None else torch.from_numpy(gather_links(self.links, ids, lengths))


class ParallelDataset(PairsDataset):
    """Pairs of sentences, the length of each of which is held in memory.

    For training, pairs with a side that is over ``max_positions`` (source, target), or empty, are left out.
    Otherwise none is, and sides over the limit are truncated.

    Args:
        source: one side.
        target: the other.
        max_positions: most tokens of each.
        for_training: whether pairs may be left out.
        numbers: what ``Batch.ids`` calls each pair, (N,), where they are some pairs of other data; else 0, 1, 2, ...

    Raises:
        DataError: the stores do not belong together, or no pair is left.
    """

    def __init__(
        self,
        source: Sentences,
        target: Sentences,
        max_positions: tuple[int, int],
        *,
        for_training: bool,
        numbers: npt.NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__(source, target, max_positions, for_training=for_training, numbers=numbers)
        everything = np.arange(len(source))
        lengths = self.lengths_of(everything)
        empty, too_long = self.are_empty(everything), self.are_too_long(lengths)
        nothing = np.empty(0, dtype=np.int64)
        self.empty = np.flatnonzero(empty) if for_training else nothing
        """Numbers of the pairs left out because a side is empty."""
        self.too_long = np.flatnonzero(too_long & ~empty) if for_training else nothing
        """Numbers of the pairs left out because a side is over the limit."""
        self.truncated = nothing if for_training else np.flatnonzero(too_long)
        self.ids = np.flatnonzero(~(empty | too_long)) if for_training else everything
        if for_training and not len(self.ids):
            raise self._nothing_left()
        kept = lengths if len(self.ids) == len(lengths) else lengths[self.ids]
        self.lengths = np.minimum(kept, np.array(max_positions, dtype=np.int32), out=kept)

    @property
    def num_tokens(self) -> tuple[int, int]:
        """Source and target tokens of an epoch, ends of sentences included."""
        source, target = self.lengths.sum(axis=0, dtype=np.int64).tolist()
        return source, target

    def _nothing_left(self) -> DataError:
        return DataError(
            f"there is nothing to train on: of {len(self.source)} pairs {len(self.empty)} have an empty side and "
            f"{len(self.too_long)} a side of more than {self.max_positions[0]} source or {self.max_positions[1]} "
            "target tokens; check task.train, or raise task.max_source_positions and task.max_target_positions"
        )


class SourceDataset(PlannedDataset):
    """Sentences to translate, held in memory: lists of ids, each with its end of sentence.

    None is left out; those over ``max_length`` are truncated. ``prefix`` (P,) is what each translation begins with.
    """

    def __init__(self, sentences: Sequence[Sequence[int]], max_length: int, prefix: Sequence[int] = ()) -> None:
        self.prefix = prefix
        self.source = Tokens.from_sentences(sentences)
        self.max_length = max_length
        self.ids = np.arange(len(sentences))
        lengths = self.source.lengths
        self.lengths = np.minimum(lengths, np.int32(max_length))
        self.truncated = np.flatnonzero(lengths > max_length)
        self.fingerprint = self.source.fingerprint

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return sentences (B,) as source_tokens (B, S) and source_lengths (B,), with an empty target (B, 0).

        Where there is a prefix, it is prefix_tokens (B, P).
        """
        net_input = _source_input(*_ended(self.source, ids, self.max_length))
        if self.prefix:
            net_input["prefix_tokens"] = torch.tensor([list(self.prefix)] * len(ids)).view(len(ids), -1)
        return to_decode(ids, net_input)


def _source_input(source: Matrix, lengths: npt.NDArray[np.int32]) -> dict[str, Tensor]:
    return {
        "source_tokens": torch.from_numpy(source),
        "source_lengths": torch.from_numpy(lengths.astype(np.int64)),
    }


def _ended(tokens: Sentences, ids: npt.NDArray[np.int64], max_length: int) -> tuple[Matrix, npt.NDArray[np.int32]]:
    """Return sentences as a matrix (B, longest), padded on the right, and their lengths (B,).

    A truncated sentence ends like any other: its last token becomes the end of sentence.
    """
    matrix, lengths = padded(tokens, ids, max_length)
    matrix[np.arange(len(ids)), lengths - 1] = Dictionary.eos
    return matrix, lengths


def _shifted(target: Matrix) -> Matrix:
    """Return what the decoder sees when it predicts ``target`` (B, T): eos, then the target without its own."""
    previous = np.full_like(target, Dictionary.eos)
    previous[:, 1:] = np.where(target[:, 1:] == Dictionary.pad, Dictionary.pad, target[:, :-1])
    return previous
