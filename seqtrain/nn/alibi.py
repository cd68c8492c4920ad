"""Attention with linear biases, ALiBi (Press et al., 2022): scores fall with the distance, at a rate for each head.

A decoder sees the past alone. In an encoder the distance counts the same to either side.
"""

import torch
from torch import Tensor


def alibi_slopes(heads: int, device: torch.device | None = None) -> Tensor:
    """Return the rate of each head, (H,), in fp32.

    For n heads, a power of two: 2^(-8/n), 2^(-16/n), ... Otherwise those of the power of two below, then every other
    one of the power of two above, from its first.
    """
    n = 1 << (heads.bit_length() - 1)
    below = torch.arange(1, n + 1, device=device) / n
    between = (torch.arange(heads - n, device=device) + 0.5) / n
    return torch.exp2(-8 * torch.cat([below, between]))


def alibi_bias(heads: int, start: int, length: int, device: torch.device) -> Tensor:
    """Return what is added to the scores (H, T, S) of the last T of S = start + T positions, in fp32."""
    positions = torch.arange(start + length, device=device)
    distances = (positions[start:, None] - positions).abs()  # (T, S)
    return -alibi_slopes(heads, device)[:, None, None] * distances
