"""The transformer encoder (Vaswani et al., 2017, section 3.1)."""

from torch import Tensor

from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.layer import TransformerLayer
from seqtrain.nn.layout import Layout, full_layout
from seqtrain.nn.spec import LayerSpec
from seqtrain.nn.stack import LayerStack


class EncoderLayer(TransformerLayer):
    """Self attention, then a feed-forward network."""

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """Transform x (B, S, D), laid out so, to (B, S, D)."""
        x = self.residual(x, self.self_attention_norm, lambda y: self.self_attention(y, layout))
        return self.residual(x, self.feed_forward_norm, self.feed_forward)


class Encoder(LayerStack):
    """A stack of layers that see the whole source."""

    def __init__(self, embedding: InputEmbedding, spec: LayerSpec, num_layers: int, layerdrop: float = 0.0) -> None:
        super().__init__(embedding, spec, (EncoderLayer(spec) for _ in range(num_layers)), layerdrop)

    def forward(self, tokens: Tensor, padding_mask: Tensor) -> Tensor:
        """Encode tokens (B, S) with padding (B, S); return features (B, S, D)."""
        return self.transform(self.embedding(tokens), full_layout(self.spec, padding_mask))
