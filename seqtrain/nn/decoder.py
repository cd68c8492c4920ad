"""The transformer decoder (Vaswani et al., 2017, section 3.1), over whole targets and token by token."""

from collections.abc import Callable
from functools import partial
from typing import cast

from torch import Tensor

from seqtrain.base import IncrementalState
from seqtrain.nn.attention import CrossAttention, KeysValues
from seqtrain.nn.embedding import InputEmbedding
from seqtrain.nn.layer import TransformerLayer
from seqtrain.nn.layout import Layout, causal_layout
from seqtrain.nn.positions import places_in_documents
from seqtrain.nn.spec import LayerSpec
from seqtrain.nn.stack import LayerStack


class DecoderLayer(TransformerLayer):
    """Self attention, attention to the source, then a feed-forward network."""

    def __init__(self, spec: LayerSpec, source_dim: int) -> None:
        super().__init__(spec)
        self.cross_attention = CrossAttention(spec, source_dim)
        self.cross_attention_norm = spec.build_norm()

    def forward(self, x: Tensor, layout: Layout, features: Tensor, padding_mask: Tensor) -> Tensor:
        """Transform x (B, T, D), given the source's features (B, S, D) with padding (B, S); return (B, T, D)."""
        source = self.cross_attention.keys_values(features)
        return self._sublayers(
            x,
            partial(self.self_attention, layout=layout),
            lambda y: self.cross_attention(y, source, padding_mask),
        )

    def step(
        self, x: Tensor, layout: Layout, cache: KeysValues, start: int, source: KeysValues, padding_mask: Tensor
    ) -> Tensor:
        """Transform the tokens of each hypothesis from position ``start``, x (N, P, D), to (N, P, D).

        The N // B hypotheses of a sentence attend to its one source (B, H, S, K) as if they were one target.
        """
        return self._sublayers(
            x,
            lambda y: self.self_attention.step(y, cache, start, layout),
            lambda y: self.cross_attention(
                y.reshape(len(padding_mask), -1, y.size(-1)),  # (B, N // B P, D)
                source,
                padding_mask,
            ).view_as(y),
        )

    def _sublayers(
        self, x: Tensor, self_attention: Callable[[Tensor], Tensor], cross_attention: Callable[[Tensor], Tensor]
    ) -> Tensor:
        x = self.residual(x, self.self_attention_norm, self_attention)
        x = self.residual(x, self.cross_attention_norm, cross_attention)
        return self.residual(x, self.feed_forward_norm, self.feed_forward)


class DecoderState(IncrementalState):
    """Keys and values of what was decoded so far.

    For each layer they are (N, H / G, max_length, K), the first ``length`` filled.
    """

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


class Decoder(LayerStack):
    """A stack of layers that see the target up to each token, and the whole source.

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
        super().__init__(embedding, spec, (DecoderLayer(spec, source_dim) for _ in range(num_layers)), layerdrop)

    def forward(
        self, tokens: Tensor, features: Tensor, padding_mask: Tensor, documents: Tensor | None = None
    ) -> Tensor:
        """Decode tokens (B, T), given the source's features (B, S, D) with padding (B, S); return (B, T, D).

        ``documents`` (B, T), if given, are rising numbers of those that tokens belong to: attention stays within each,
        and positions start anew.
        """
        x = self.embedding(tokens, places=None if documents is None else places_in_documents(documents))
        layout = causal_layout(self.spec, tokens.size(1), tokens.device, documents=documents)
        return self.transform(x, layout, features, padding_mask)

    def cross_keys_values(self, features: Tensor) -> list[KeysValues]:
        """Return the keys and values that each layer makes of the source's features (B, S, D), for :meth:`step`."""
        return [layer.cross_attention.keys_values(features) for layer in self._layers]

    def new_state(self, rows: int, max_length: int) -> DecoderState:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""
        return DecoderState([layer.self_attention.new_cache(rows, max_length) for layer in self._layers])

    def step(self, tokens: Tensor, cross: list[KeysValues], padding_mask: Tensor, state: DecoderState) -> Tensor:
        """Decode one token of each hypothesis, (N,), and add it to the state; return features (N, D)."""
        x = self.embedding(tokens[:, None], start=state.length)
        layout = causal_layout(self.spec, 1, tokens.device, start=state.length)
        for layer, source, cache in zip(self._layers, cross, state.caches, strict=True):
            x = layer.step(x, layout, cache, state.length, source, padding_mask)
        state.length += 1
        out: Tensor = self.norm(x[:, 0])
        return out

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))
