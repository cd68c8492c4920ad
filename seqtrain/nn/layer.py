"""What transformer layers have in common: sublayers with residual connections, and dropping a layer as a whole."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from seqtrain.nn.attention import SelfAttention
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.feed_forward import FeedForward
from seqtrain.nn.spec import LayerSpec


class TransformerLayer(nn.Module):
    """Self attention and a feed-forward network."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.normalize_before = spec.normalize_before
        self.residual_scale = spec.deep_norm.alpha if spec.deep_norm else None
        self.dropout = Dropout(spec.dropout)
        self.self_attention = SelfAttention(spec)
        self.self_attention_norm = spec.build_norm()
        self.feed_forward = FeedForward(
            spec.dim, spec.ffn_dim, spec.activation, spec.activation_dropout, bias=spec.bias
        )
        self.feed_forward_norm = spec.build_norm()

    def residual(self, x: Tensor, norm: nn.Module, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Return x (..., D) plus what a sublayer makes of it, normalised before or after."""
        added = self.dropout(sublayer(norm(x) if self.normalize_before else x))
        x = x + added if self.residual_scale is None else torch.add(added, x, alpha=self.residual_scale)
        out: Tensor = x if self.normalize_before else norm(x)
        return out


def layer_drop(skipped: Tensor, layered: Tensor, rate: float) -> Tensor:
    """Return ``skipped`` with probability ``rate``, else ``layered`` (LayerDrop: Fan et al., 2020).

    The layer is computed either way: no branch for torch.compile to break at, no wait for the device, and every
    parameter gets a gradient, a zero one if need be, which processes that train together rely on.
    """
    return torch.where(torch.rand((), device=layered.device) < rate, skipped, layered)
