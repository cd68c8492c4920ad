"""Normalisation of features."""

from enum import Enum

import torch
from torch import Tensor, nn
from torch.nn import functional


class Norm(str, Enum):
    """How features are normalised: rms_norm takes no mean away and adds no bias."""

    layer_norm = "layer_norm"
    rms_norm = "rms_norm"


class RMSNorm(nn.RMSNorm):
    """x / sqrt(mean(x^2) + eps) times a weight (Zhang and Sennrich, 2019), computed in fp32 at least."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., D); return it in the more precise of its format and the weight's."""
        format = torch.promote_types(x.dtype, self.weight.dtype)
        # of one format, however short: torch's function computes in fp32 by itself
        return functional.rms_norm(x.to(format), self.normalized_shape, self.weight.to(format), self.eps)


def build_norm(kind: Norm, dim: int, *, eps: float = 1e-5, bias: bool = True) -> nn.Module:
    """Return a norm of features (..., D); ``bias`` is whether a layer norm has one."""
    if kind is Norm.rms_norm:
        return RMSNorm(dim, eps)
    return nn.LayerNorm(dim, eps, bias=bias)
