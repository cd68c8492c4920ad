"""The position-wise feed-forward network (Vaswani et al., 2017, section 3.3)."""

from collections.abc import Callable
from enum import Enum

from torch import Tensor, nn
from torch.nn import functional as F

from seqtrain.nn.dropout import Dropout
from seqtrain.nn.linear import Linear


class Activation(str, Enum):
    """Nonlinearity of the feed-forward network.

    swish is x * sigmoid(x), gelu_tanh the approximation of gelu that GPT-2 uses. swiglu and geglu are gated linear
    units (Shazeer, 2020): swish or gelu of one projection times another one, so that there are three matrices.
    """

    relu = "relu"
    gelu = "gelu"
    gelu_tanh = "gelu_tanh"
    swish = "swish"
    swiglu = "swiglu"
    geglu = "geglu"


def gelu_tanh(x: Tensor) -> Tensor:
    """Return gelu of x, by a tanh instead of the error function (Hendrycks and Gimpel, 2016, section 2)."""
    return F.gelu(x, approximate="tanh")


def swiglu(x: Tensor) -> Tensor:
    """Return swish of the first half of x (..., 2 F) times the second, (..., F)."""
    gate, value = x.chunk(2, dim=-1)
    return F.silu(gate) * value


def geglu(x: Tensor) -> Tensor:
    """Return gelu of the first half of x (..., 2 F) times the second, (..., F)."""
    gate, value = x.chunk(2, dim=-1)
    return F.gelu(gate) * value


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    Activation.relu: F.relu,
    Activation.gelu: F.gelu,
    Activation.gelu_tanh: gelu_tanh,
    Activation.swish: F.silu,
    Activation.swiglu: swiglu,
    Activation.geglu: geglu,
}
GATED = (Activation.swiglu, Activation.geglu)
"""Activations of twice as many numbers as they return."""


class FeedForward(nn.Module):
    """Two linear layers with an activation between them, the same at each position; initialised as torch does.

    For a gated activation the first packs two: the gate, then what it lets through.
    """

    def __init__(
        self, dim: int, ffn_dim: int, activation: Activation, dropout: float = 0.0, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.packed = 2 if activation in GATED else 1
        self.fc1 = Linear(dim, self.packed * ffn_dim, bias)
        self.dropout = Dropout(dropout)
        self.fc2 = Linear(ffn_dim, dim, bias)

    def inner(self) -> tuple[Tensor, ...]:
        """Return the weights (F, D) that the first layer packs."""
        return self.fc1.weight.chunk(self.packed)

    def forward(self, x: Tensor) -> Tensor:
        """Transform x (..., D) to (..., D)."""
        out: Tensor = self.fc2(self.dropout(self.activation(self.fc1(x))))
        return out
