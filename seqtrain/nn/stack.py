"""Stacks of transformer layers."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqtrain.nn.initialization import initialize_deep_norm
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.layer import TransformerLayer, layer_drop
from seqtrain.nn.spec import LayerSpec


class LayerStack(nn.Module):
    """An embedding, layers, and a final norm if they are pre-norm.

    Args:
        embedding: What enters the first layer.
        spec: What the layers are like.
        layers: The layers, called with (B, T, D) and whatever :meth:`transform` is given.
        layerdrop: Rate of skipping a layer in training.
    """

    def __init__(
        self, embedding: InputEmbedding, spec: LayerSpec, layers: Iterable[TransformerLayer], layerdrop: float
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(layers)
        self.layerdrop = layerdrop
        self.spec = spec
        self.norm = spec.final_norm()
        if spec.deep_norm is not None:
            initialize_deep_norm(self.layers, spec.deep_norm.beta)

    def transform(self, x: Tensor, *given: Any) -> Tensor:
        """Apply one layer after the other to x (B, T, D), then the final norm; return (B, T, D)."""
        for layer in self.layers:
            y = self._apply_layer(layer, x, *given)
            x = layer_drop(x, y, self.layerdrop) if self.training and self.layerdrop else y
        out: Tensor = self.norm(x)
        return out

    def _apply_layer(self, layer: nn.Module, *given: Any) -> Tensor:
        """Call a layer; what it computes on the way is kept, or computed again with the same dropout when needed."""
        again = self.spec.checkpoint_activations and torch.is_grad_enabled()
        y: Tensor = checkpoint(layer, *given, use_reentrant=False) if again else layer(*given)
        return y
