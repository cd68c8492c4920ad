"""The position-wise feed-forward network (Vaswani et al., 2017, section 3.3)."""

from collections.abc import Callable
from enum import Enum

from torch import Tensor, nn
from torch.nn import functional as F


class Activation(str, Enum):
    """Nonlinearity of the feed-forward network; swish is x * sigmoid(x)."""

    relu = "relu"
    gelu = "gelu"
    swish = "swish"


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.relu: F.relu,
    Activation.gelu: F.gelu,
    Activation.swish: F.silu,
}


class FeedForward(nn.Module):
    """Two linear layers with an activation between them, the same at each position; initialised as torch does."""

    def __init__(self, dim: int, ffn_dim: int, activation: Activation, dropout: float = 0.0) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.fc1 = nn.Linear(dim, ffn_dim)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(ffn_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Transform x (..., D) to (..., D)."""
        out: Tensor = self.fc2(self.dropout(self.activation(self.fc1(x))))
        return out
