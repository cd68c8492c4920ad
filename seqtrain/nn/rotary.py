"""Rotary positions (Su et al., 2021): queries and keys are rotated by angles in proportion to where they stand.

So the product of a query and a key depends on their distance alone. The pair that a frequency rotates is component i
of the first half and component i of the second (as in GPT-NeoX and in Hugging Face's Llama), not two neighbours; for
a model that is trained so, that is but another order of the projections' rows.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Rotation(NamedTuple):
    """Cosines and sines of the angles of T positions, (T, K / 2) both, in fp32."""

    cos: Tensor
    sin: Tensor


def rotation(start: int, length: int, head_dim: int, base: float, device: torch.device) -> Rotation:
    """Return the rotation of the positions from ``start``: p base^(-2i / K) for position p and pair i."""
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=device) / head_dim
    positions = torch.arange(start, start + length, dtype=torch.float32, device=device)
    angles = positions[:, None] * base**-exponents  # no matrix product: autocast would round it
    return Rotation(angles.cos(), angles.sin())


def rotate(x: Tensor, by: Rotation) -> Tensor:
    """Rotate queries or keys (B, H, T, K), computed in fp32 at least."""
    first, second = x.chunk(2, dim=-1)
    rotated = torch.cat([first * by.cos - second * by.sin, first * by.sin + second * by.cos], dim=-1)
    return rotated.to(x.dtype)
