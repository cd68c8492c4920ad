"""The transformer encoder (Vaswani et al., 2017, section 3.1)."""

from torch import Tensor, nn

from seqtrain.nn.embedding import InputEmbedding
from seqtrain.nn.layer import LayerSpec, TransformerLayer, layer_drop


class EncoderLayer(TransformerLayer):
    """Self attention, then a feed-forward network."""

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        """Transform x (B, S, D) with padding (B, S) to (B, S, D)."""
        x = self.residual(x, self.self_attention_norm, lambda y: self.self_attention(y, padding_mask))
        return self.residual(x, self.feed_forward_norm, self.feed_forward)


class Encoder(nn.Module):
    """An embedding, layers, and a final norm if they are pre-norm; ``layerdrop`` is the rate of skipping a layer."""

    def __init__(self, embedding: InputEmbedding, spec: LayerSpec, num_layers: int, layerdrop: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(EncoderLayer(spec) for _ in range(num_layers))
        self.layerdrop = layerdrop
        self.norm = spec.final_norm()

    def forward(self, tokens: Tensor, padding_mask: Tensor) -> Tensor:
        """Encode tokens (B, S) with padding (B, S); return features (B, S, D)."""
        x = self.embedding(tokens)
        for layer in self.layers:
            y = layer(x, padding_mask)
            x = layer_drop(x, y, self.layerdrop) if self.training and self.layerdrop else y
        features: Tensor = self.norm(x)
        return features
