"""Log-probabilities of logits, in fp32 at least whatever the logits come in."""

import torch
from torch import Tensor


def log_softmax(logits: Tensor) -> Tensor:
    """Return the log-probabilities (..., V) of logits (..., V)."""
    return torch.log_softmax(logits, dim=-1, dtype=at_least_fp32(logits.dtype))


def at_least_fp32(dtype: torch.dtype) -> torch.dtype:
    """Return the number format to compute sums over a vocabulary in."""
    return torch.promote_types(dtype, torch.float32)
