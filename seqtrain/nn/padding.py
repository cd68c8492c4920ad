"""Where a batch is padding."""

import torch
from torch import Tensor


def padding_mask(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return a mask (B, S), True where tokens (B, S) are beyond the length (B,) of their sequence."""
    return torch.arange(tokens.size(1), device=tokens.device) >= lengths[:, None]
