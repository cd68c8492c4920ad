"""What transformer layers have in common: sublayers with residual connections, and dropping a layer as a whole."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqtrain.nn.attention import SelfAttention
from seqtrain.nn.feed_forward import Activation, FeedForward


@dataclass(frozen=True)
class LayerSpec:
    """Sizes, norms and dropout of a transformer layer."""

    dim: int
    """Model dimension D."""
    ffn_dim: int
    """Width of the feed-forward network."""
    heads: int
    """Attention heads H, a divisor of ``dim``."""
    normalize_before: bool = False
    """Normalise the input of each sublayer (pre-norm) instead of the sum after it (post-norm)."""
    dropout: float = 0.0
    """Rate of dropout after each sublayer."""
    attention_dropout: float = 0.0
    """Rate of dropout on attention weights."""
    activation_dropout: float = 0.0
    """Rate of dropout after the activation in the feed-forward network."""
    activation: Activation = Activation.relu
    """Nonlinearity of the feed-forward network."""

    no_final_norm: bool = False
    """Leave out the norm that follows the last of pre-norm layers."""

    def final_norm(self) -> nn.Module:
        """Return what follows the last layer: a norm if the layers are pre-norm and it is not left out."""
        return nn.LayerNorm(self.dim) if self.normalize_before and not self.no_final_norm else nn.Identity()


class TransformerLayer(nn.Module):
    """Self attention and a feed-forward network."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.normalize_before = spec.normalize_before
        self.dropout = nn.Dropout(spec.dropout)
        self.self_attention = SelfAttention(spec.dim, spec.heads, spec.attention_dropout)
        self.self_attention_norm = nn.LayerNorm(spec.dim)
        self.feed_forward = FeedForward(spec.dim, spec.ffn_dim, spec.activation, spec.activation_dropout)
        self.feed_forward_norm = nn.LayerNorm(spec.dim)

    def residual(self, x: Tensor, norm: nn.Module, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Return x (..., D) plus what a sublayer makes of it, normalised before or after."""
        x = x + self.dropout(sublayer(norm(x) if self.normalize_before else x))
        out: Tensor = x if self.normalize_before else norm(x)
        return out


def layer_drop(skipped: Tensor, layered: Tensor, rate: float) -> Tensor:
    """Return ``skipped`` with probability ``rate``, else ``layered`` (LayerDrop: Fan et al., 2020).

    The layer is computed either way: no branch for torch.compile to break at, no wait for the device, and every
    parameter gets a gradient, a zero one if need be, which processes that train together rely on.
    """
    return torch.where(torch.rand((), device=layered.device) < rate, skipped, layered)
