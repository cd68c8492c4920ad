"""Linear layers; those of attention are initialised as fairseq does, Xavier uniform (Glorot and Bengio, 2010)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqtrain.nn.matrix_products import linear


class Linear(nn.Linear):
    """``torch.nn.Linear`` through the faster library on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x weight^T + bias, x (..., K) to (..., M)."""
        return linear(x, self.weight, self.bias)


def output_linear(in_dim: int, out_dim: int, *, bias: bool = True) -> Linear:
    """Return the layer that follows attention: weight (out_dim, in_dim), zero bias."""
    layer = Linear(in_dim, out_dim, bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def packed_linear(in_dim: int, out_dims: Sequence[int], *, bias: bool = True) -> Linear:
    """Return layers of queries, keys or values as one, with a weight (sum of out_dims, in_dim).

    Each is initialised by itself, as if it were not packed, with a gain of sqrt(1/2); biases are torch's.
    """
    layer = Linear(in_dim, sum(out_dims), bias)
    for part in torch.split(layer.weight.detach(), list(out_dims)):
        nn.init.xavier_uniform_(part, gain=math.sqrt(0.5))
    return layer


def product_dtype(weight: Tensor) -> torch.dtype:
    """Return the number format in which products with a weight are computed: autocast's where it is on."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
