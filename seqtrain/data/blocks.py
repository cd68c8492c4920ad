"""Datasets of language models: a text in blocks to learn from, and prompts to continue."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
import torch

from seqtrain.base import Batch, Dictionary
from seqtrain.data.cuts import BreakMode, cut_text, document_starts, split_long
from seqtrain.data.dataset import PlannedDataset, padded, to_decode
from seqtrain.data.store import Tokens

Matrix = npt.NDArray[np.int64]


class Target(str, Enum):
    """What is predicted where the model sees a token: the next one, itself, or the one before."""

    future = "future"
    self = "self"
    past = "past"


@dataclass(frozen=True)
class BlockSpec:
    """How a text becomes blocks."""

    mode: BreakMode
    """Where blocks end."""
    size: int
    """Tokens of a block, of which ``context`` are only given."""
    limit: int
    """Most tokens of a block; a longer one is cut into pieces."""
    target: Target = Target.future
    """What is predicted."""
    context: int = 0
    """Tokens before each block that are given with it and not predicted."""
    bos: bool = False
    """Whether a block's source, and each of its documents if they are apart, begins with bos, not the token before."""
    documents: bool = False
    """Whether documents are apart: each is seen as it is alone, and the model is told which each token is of."""
    shift: int = 0
    """Tokens of the first block where blocks are cut without regard to sentences; 0 is as many as the others have."""


class BlockDataset(PlannedDataset):
    """A text in blocks, in the order of the text; each token is predicted once.

    A block's source is its target shifted right by one: it begins with the token before the block, at the very start
    of the text with end of sentence.
    """

    def __init__(self, tokens: Tokens, spec: BlockSpec) -> None:
        self.tokens, self.spec = tokens, spec
        cuts = cut_text(tokens.offsets, spec.mode, spec.size - spec.context, spec.shift)
        self.starts, self.ends = split_long(cuts, spec.limit - spec.context)
        self.ids = np.arange(len(self.starts))
        self.lengths = (self.ends - self._firsts(self.starts)).astype(np.int32)
        self.fingerprint = hashlib.sha256(f"{tokens.fingerprint} {spec}".encode()).hexdigest()
        self._document_starts = document_starts(tokens.offsets) if spec.documents else np.empty(0, np.int64)

    @property
    def num_tokens(self) -> int:
        """Tokens that are predicted in an epoch: all of the text but for boundaries that are in no block."""
        return int((self.ends - self.starts).sum())

    def sentences(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the numbers of the sentences in which blocks (B,) begin, (B,)."""
        found: npt.NDArray[np.int64] = np.searchsorted(self.tokens.offsets, self.starts[ids], side="right") - 1
        return found

    def positions(self, ids: npt.NDArray[np.int64]) -> tuple[Matrix, npt.NDArray[np.bool_]]:
        """Return where in the text the tokens of blocks are, context included, and which are no padding, (B, S)."""
        firsts, ends = self._firsts(self.starts[ids])[:, None], self.ends[ids][:, None]
        positions = firsts + np.arange((ends - firsts).max(initial=0))
        return np.minimum(positions, ends - 1), positions < ends

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return blocks (B,) as source_tokens (B, S), source_lengths (B,) and, where asked for, source_documents."""
        positions, is_token = self.positions(ids)
        documents = self._documents(positions)
        begins = documents > self._documents(positions - 1)
        source = self._source(positions, begins)
        target = source if self.spec.target is Target.self else self._predicted(positions, begins)
        target = np.where(is_token & (positions >= self.starts[ids][:, None]), target, Dictionary.pad)
        net_input = {
            "source_tokens": torch.from_numpy(np.where(is_token, source, Dictionary.pad)),
            "source_lengths": torch.from_numpy(is_token.sum(axis=1)),
        }
        if self.spec.documents:
            # The token before a document is where it starts from, as end of sentence is at the start of the text.
            net_input["source_documents"] = torch.from_numpy(documents - documents[:, :1])
        return Batch(
            ids=torch.from_numpy(ids),
            net_input=net_input,
            target=torch.from_numpy(target),
            ntokens=int((target != Dictionary.pad).sum()),
            nsentences=len(ids),
        )

    def _documents(self, positions: Matrix) -> Matrix:
        """Return the number of the document that each position of the text is in, where documents are apart; else 0."""
        return np.searchsorted(self._document_starts, positions, side="right")

    def _source(self, positions: Matrix, begins: npt.NDArray[np.bool_]) -> Matrix:
        """Return what the model sees where it predicts tokens (B, S), some of which begin a document."""
        source = self._at(positions - 1)
        if self.spec.bos:
            source[begins] = source[:, 0] = Dictionary.bos
        return source

    def _predicted(self, positions: Matrix, begins: npt.NDArray[np.bool_]) -> Matrix:
        """Return the tokens (B, S), or those two before them; two before the first of a document is nothing."""
        if self.spec.target is Target.past:
            return np.where(begins, Dictionary.pad, self._at(positions - 2))
        return self._at(positions)

    def _firsts(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where the tokens begin that are given with blocks, or predicted."""
        return np.maximum(starts - self.spec.context, 0)

    def _at(self, positions: Matrix) -> Matrix:
        """Return the tokens at positions of the text; before it stands end of sentence, and before that nothing."""
        tokens = self.tokens.tokens[np.maximum(positions, 0)].astype(np.int64)
        return np.where(positions >= 0, tokens, np.where(positions == -1, Dictionary.eos, Dictionary.pad))


class PromptDataset(PlannedDataset):
    """Beginnings to continue, held in memory: lists of ids without end of sentence.

    None is left out; those over ``max_length`` are truncated.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], max_length: int) -> None:
        self.prompts = Tokens.from_sentences(prompts)
        self.max_length = max_length
        self.ids = np.arange(len(prompts))
        lengths = self.prompts.lengths
        self.lengths = np.minimum(lengths, np.int32(max_length))
        self.truncated = np.flatnonzero(lengths > max_length)
        self.fingerprint = self.prompts.fingerprint

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        """Return prompts (B,) as prefix_tokens (B, P), with an empty target (B, 0)."""
        prefixes, _ = padded(self.prompts, ids, self.max_length)
        return to_decode(ids, {"prefix_tokens": torch.from_numpy(prefixes)})
