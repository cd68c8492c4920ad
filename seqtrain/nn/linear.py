"""Linear layers as transformers initialise them: Xavier uniform weights (Glorot and Bengio, 2010), zero biases."""

import math

from torch import nn


def linear(in_dim: int, out_dim: int) -> nn.Linear:
    """Return a linear layer with a weight (out_dim, in_dim) and a bias."""
    return packed_linear(in_dim, out_dim, parts=1, gain=1.0)


def packed_linear(in_dim: int, out_dim: int, parts: int, gain: float = 1 / math.sqrt(2)) -> nn.Linear:
    """Return ``parts`` linear layers as one, with a weight (parts * out_dim, in_dim).

    Each part is initialised by itself, as if it were not packed.
    """
    layer = nn.Linear(in_dim, parts * out_dim)
    for part in layer.weight.detach().chunk(parts):
        nn.init.xavier_uniform_(part, gain)
    nn.init.zeros_(layer.bias)
    return layer
