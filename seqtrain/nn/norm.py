"""Normalisation of features."""

from enum import Enum

from torch import Tensor, nn


class Norm(str, Enum):
    """How features are normalised: rms_norm takes no mean away and adds no bias."""

    layer_norm = "layer_norm"
    rms_norm = "rms_norm"


class RMSNorm(nn.RMSNorm):
    """x / sqrt(mean(x^2) + eps) times a weight (Zhang and Sennrich, 2019), computed in the weight's format at least."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., D)."""
        return super().forward(x.to(self.weight.dtype))


def build_norm(kind: Norm, dim: int, *, eps: float = 1e-5, bias: bool = True) -> nn.Module:
    """Return a norm of features (..., D); ``bias`` is whether a layer norm has one."""
    if kind is Norm.rms_norm:
        return RMSNorm(dim, eps)
    return nn.LayerNorm(dim, eps, bias=bias)
