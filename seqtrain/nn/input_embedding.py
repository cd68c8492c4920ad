"""What enters the first layer: tokens and their positions."""

import math

from torch import Tensor, nn
from torch.nn import functional

from seqtrain.nn.adaptive import AdaptiveEmbedding
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.positions import PositionEmbedding


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
        tokens: nn.Embedding | AdaptiveEmbedding,
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
        self.dropout = Dropout(dropout)

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
