"""What predicts the target from an encoder alone: each of its positions stands for a few of the target."""

from torch import Tensor, nn

from seqtrain.nn.embedding import output_projection
from seqtrain.nn.linear import Linear


class CTCHead(nn.Module):
    """Takes each position apart into ``upsampling`` ones and projects these (Libovický and Helcl, 2018, section 3)."""

    def __init__(self, dim: int, vocab_size: int, upsampling: int) -> None:
        super().__init__()
        self.dim = dim
        self.split = Linear(dim, upsampling * dim)
        self.projection = output_projection(dim, vocab_size)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (B, upsampling S, V) of an encoder's features (B, S, D)."""
        logits: Tensor = self.projection(self.split(features).view(len(features), -1, self.dim))
        return logits
