"""Embeddings: what enters the first layer."""

import math
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from seqtrain.nn.positions import PositionEmbedding

if TYPE_CHECKING:
    from seqtrain.nn.adaptive import AdaptiveEmbedding


def token_embedding(vocab_size: int, dim: int, pad: int | None) -> nn.Embedding:
    """Return a table (V, D) drawn from N(0, 1/D); the row of padding, if it has one, is zero and gets no gradient."""
    table = nn.Embedding(vocab_size, dim, padding_idx=pad)
    nn.init.normal_(table.weight, std=dim**-0.5)
    if pad is not None:
        nn.init.zeros_(table.weight.detach()[pad])
    return table


class InputEmbedding(nn.Module):
    """Tokens and their positions: dropout(norm(scale * tokens + positions)).

    Args:
        tokens: Table (V, D), or one in bands; it may be shared with other modules.
        positions: Embedding of positions, None for none.
        dropout: Rate of dropout.
        scale: Whether to multiply tokens by sqrt(D) (Vaswani et al., 2017, section 3.4).
        layernorm: Whether to normalise the sum.
    """

    def __init__(
        self,
        tokens: "nn.Embedding | AdaptiveEmbedding",
        positions: PositionEmbedding | None,
        *,
        dropout: float,
        scale: bool,
        layernorm: bool,
    ) -> None:
        super().__init__()
        dim = tokens.embedding_dim
        self.tokens = tokens
        self.positions = positions
        self.scale = math.sqrt(dim) if scale else 1.0
        self.norm = nn.LayerNorm(dim) if layernorm else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, start: int = 0, places: Tensor | None = None) -> Tensor:
        """Embed tokens (B, T); return (B, T, D).

        They stand at the positions from ``start``, or at ``places`` (B, T), which are all below T.
        """
        x = self.tokens(tokens) * self.scale
        if self.positions is not None:
            positions = self.positions(start, tokens.size(1))
            x = x + (positions if places is None else functional.embedding(places, positions))
        out: Tensor = self.dropout(self.norm(x))
        return out


def output_projection(dim: int, vocab_size: int, tied_to: nn.Embedding | None = None) -> nn.Linear:
    """Return the projection of features (..., D) to logits (..., V), with the weight of an embedding if tied to it."""
    projection = nn.Linear(dim, vocab_size, bias=False, device="meta" if tied_to else None)
    if tied_to is not None:
        projection.weight = tied_to.weight
    else:
        nn.init.normal_(projection.weight, std=dim**-0.5)
    return projection
