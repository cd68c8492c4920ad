"""The transformer decoder (Vaswani et al., 2017, section 3.1), over whole targets and token by token."""

from collections.abc import Callable
from functools import partial
from typing import cast

from torch import Tensor, nn

from seqtrain.base import IncrementalState
from seqtrain.nn.attention import CrossAttention, KeysValues
from seqtrain.nn.embedding import InputEmbedding
from seqtrain.nn.layer import LayerSpec, TransformerLayer, layer_drop


class DecoderLayer(TransformerLayer):
    """Self attention, attention to the source, then a feed-forward network."""

    def __init__(self, spec: LayerSpec, source_dim: int) -> None:
        super().__init__(spec)
        self.cross_attention = CrossAttention(spec.dim, source_dim, spec.heads, spec.attention_dropout)
        self.cross_attention_norm = nn.LayerNorm(spec.dim)

    def forward(self, x: Tensor, features: Tensor, padding_mask: Tensor) -> Tensor:
        """Transform targets x (B, T, D), given features (B, S, D) with padding (B, S); return (B, T, D)."""
        source = self.cross_attention.keys_values(features)
        return self._sublayers(
            x,
            partial(self.self_attention, causal=True),
            lambda y: self.cross_attention(y, source, padding_mask),
        )

    def step(self, x: Tensor, source: KeysValues, padding_mask: Tensor, cache: KeysValues, position: int) -> Tensor:
        """Transform one token of each hypothesis, x (N, D), to (N, D).

        The N // B hypotheses of a sentence attend to its one source (B, H, S, K) as if they were one target.
        """
        return self._sublayers(
            x,
            lambda y: self.self_attention.step(y, cache, position),
            lambda y: self.cross_attention(
                y.view(len(padding_mask), -1, y.size(-1)),  # (B, N // B, D)
                source,
                padding_mask,
            ).flatten(0, 1),
        )

    def _sublayers(
        self, x: Tensor, self_attention: Callable[[Tensor], Tensor], cross_attention: Callable[[Tensor], Tensor]
    ) -> Tensor:
        x = self.residual(x, self.self_attention_norm, self_attention)
        x = self.residual(x, self.cross_attention_norm, cross_attention)
        return self.residual(x, self.feed_forward_norm, self.feed_forward)


class DecoderState(IncrementalState):
    """Keys and values of what was decoded so far: for each layer (N, H, max_length, K), the first ``length`` filled."""

    def __init__(self, caches: list[KeysValues]) -> None:
        self.caches = caches
        self.length = 0

    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (M,); M may differ from the number of rows so far."""
        self.caches = [KeysValues(*(self._reorder(x, order) for x in cache)) for cache in self.caches]

    def _reorder(self, cache: Tensor, order: Tensor) -> Tensor:
        rows = cache[:, :, : self.length].index_select(0, order)
        cache = cache[: len(order)] if len(order) <= len(cache) else cache.new_empty(len(order), *cache.shape[1:])
        cache[:, :, : self.length] = rows
        return cache


class Decoder(nn.Module):
    """An embedding, layers, and a final norm if they are pre-norm.

    Args:
        embedding: Embedding of the target.
        spec: What the layers are like.
        source_dim: Dimension of the source's features.
        num_layers: L.
        layerdrop: Rate of skipping a layer in training.
    """

    def __init__(
        self, embedding: InputEmbedding, spec: LayerSpec, source_dim: int, num_layers: int, layerdrop: float = 0.0
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(DecoderLayer(spec, source_dim) for _ in range(num_layers))
        self.layerdrop = layerdrop
        self.norm = spec.final_norm()

    def forward(self, tokens: Tensor, features: Tensor, padding_mask: Tensor) -> Tensor:
        """Decode tokens (B, T), given the source's features (B, S, D) with padding (B, S); return (B, T, D)."""
        x = self.embedding(tokens)
        for layer in self.layers:
            y = layer(x, features, padding_mask)
            x = layer_drop(x, y, self.layerdrop) if self.training and self.layerdrop else y
        out: Tensor = self.norm(x)
        return out

    def cross_attention(self, layer: int) -> CrossAttention:
        """Return what attends to the source in a layer, from 0; -1 is the last."""
        return self._layers[layer].cross_attention

    def cross_keys_values(self, features: Tensor) -> list[KeysValues]:
        """Return the keys and values that each layer makes of the source's features (B, S, D), for :meth:`step`."""
        return [layer.cross_attention.keys_values(features) for layer in self._layers]

    def new_state(self, source: KeysValues, rows: int, max_length: int) -> DecoderState:
        """Return an empty state, on the device and in the number format of ``source``."""
        _, heads, _, head_dim = source.keys.shape
        shape = (rows, heads, max_length, head_dim)
        return DecoderState([KeysValues(*(x.new_empty(shape) for x in source)) for _ in self.layers])

    def step(self, tokens: Tensor, cross: list[KeysValues], padding_mask: Tensor, state: DecoderState) -> Tensor:
        """Decode one token of each hypothesis, (N,), and add it to the state; return features (N, D)."""
        x = self.embedding(tokens[:, None], start=state.length)[:, 0]
        for layer, source, cache in zip(self._layers, cross, state.caches, strict=True):
            x = layer.step(x, source, padding_mask, cache, state.length)
        state.length += 1
        out: Tensor = self.norm(x)
        return out

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))
