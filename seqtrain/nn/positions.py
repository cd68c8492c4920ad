"""Position embeddings, added to those of tokens; padding stands on the right, so all sequences share them."""

import math
from abc import ABC, abstractmethod
from enum import Enum

import torch
from torch import Tensor, nn

from seqtrain.errors import DataError

FIRST_POSITION = 2
"""Number of a sequence's first position: fairseq counts on from the id of padding."""
MAX_FIRST_TABLE = 4096
"""Most positions that are computed before a sequence needs them, whatever a config allows."""


class Positions(str, Enum):
    """How a model learns where in its sequence a token stands.

    sinusoidal and learned are added to embeddings; rotary and alibi tell distances to self attention.
    """

    sinusoidal = "sinusoidal"
    learned = "learned"
    rotary = "rotary"
    alibi = "alibi"
    none = "none"


def build_positions(kind: Positions, dim: int, max_positions: int) -> "PositionEmbedding | None":
    """Return the embedding of a kind, or None where there is none."""
    kinds = {Positions.sinusoidal: SinusoidalPositions, Positions.learned: LearnedPositions}
    return kinds[kind](dim, max_positions) if kind in kinds else None


def places_in_documents(documents: Tensor) -> Tensor:
    """Return where in its document each token stands, from 0, (B, T); documents (B, T) have rising numbers."""
    positions = torch.arange(documents.size(1), device=documents.device)
    return positions - torch.searchsorted(documents, documents)  # the second is where a document begins


class PositionEmbedding(nn.Module, ABC):
    """Base of position embeddings for sequences of up to ``max_positions`` tokens."""

    def __init__(self, dim: int, max_positions: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, start: int, length: int) -> Tensor:
        """Return the embeddings (length, D) of the positions from ``start``, counted from 0."""


class SinusoidalPositions(PositionEmbedding):
    """Fixed sines and cosines (Vaswani et al., 2017, section 3.5); longer sequences only extend the table."""

    table: Tensor

    def __init__(self, dim: int, max_positions: int) -> None:
        super().__init__(dim, max_positions)
        size = min(max_positions, MAX_FIRST_TABLE)
        self.register_buffer("table", sinusoidal_table(size, dim), persistent=False)

    def forward(self, start: int, length: int) -> Tensor:
        """Return the embeddings (length, D) of the positions from ``start``, counted from 0."""
        table = self.table  # looked up once: another thread may meanwhile have put a shorter one there
        size, dim = table.shape
        if start + length > size:
            table = self.table = sinusoidal_table(max(start + length, 2 * size), dim).to(table)
        return table[start : start + length]


class LearnedPositions(PositionEmbedding):
    """One parameter a position (Gehring et al., 2017)."""

    def __init__(self, dim: int, max_positions: int) -> None:
        super().__init__(dim, max_positions)
        self.weight = nn.Parameter(torch.empty(max_positions, dim))
        nn.init.normal_(self.weight, std=dim**-0.5)

    def forward(self, start: int, length: int) -> Tensor:
        """Return the embeddings (length, D) of the positions from ``start``, counted from 0.

        Raises:
            DataError: there are not as many positions.
        """
        if start + length > len(self.weight):
            raise DataError(
                f"a sequence of {start + length} tokens, end of sentence included, is longer than "
                f"the {len(self.weight)} learned positions of the model: shorten it, or train with higher "
                "task.max_source_positions and task.max_target_positions (a language model with higher "
                "task.tokens_per_sample or task.max_target_positions), or with model.positions=sinusoidal"
            )
        return self.weight[start : start + length]


def sinusoidal_table(length: int, dim: int) -> Tensor:
    """Return the embeddings (length, D) of the first positions, in fairseq's layout.

    Position p, counted from ``FIRST_POSITION``, has sin(p f_i) in its first half and cos(p f_i) in its second,
    with f_i = 10000 ** (-i / (D/2 - 1)); an odd D ends in a zero.
    """
    half = dim // 2
    frequencies = torch.exp(torch.arange(half) * (-math.log(10000) / max(half - 1, 1)))
    angles = torch.arange(FIRST_POSITION, FIRST_POSITION + length)[:, None] * frequencies  # (length, D/2)
    return torch.cat([angles.sin(), angles.cos(), angles.new_zeros(length, dim % 2)], dim=1)
