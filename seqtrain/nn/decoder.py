"""The transformer decoder (Vaswani et al., 2017, section 3.1), over whole targets and token by token.

Without a source to attend to it is a language model.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import Tensor
from torch.nn import functional

from seqtrain.base import EncoderOutput, IncrementalState
from seqtrain.nn.attention import CrossAttention
from seqtrain.nn.cache import Cache, KeysValues
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.layer import TransformerLayer
from seqtrain.nn.layout import Layout, causal_layout, full_layout
from seqtrain.nn.positions import places_in_documents
from seqtrain.nn.spec import LayerSpec
from seqtrain.nn.stack import LayerStack

Sublayer = Callable[[Tensor], Tensor]
WHOLE = 16
"""Lengths of sources are made multiples of it for decoding: numbers that a CPU takes at once.

On a CPU torch's attention takes what is left over one by one, and over 15 source tokens twice as long as over 16.
"""


@dataclass(frozen=True)
class AttendedSource(EncoderOutput):
    """The encoder's features, and what decoder layers attend to: made once, for all positions.

    S is a multiple of ``WHOLE``.
    """

    mask: Tensor
    """What is added to scores of attention: 0, or -inf where there is padding, (B, 1, 1, S)."""
    cross: list[KeysValues]
    """The keys and values (B, H / G, S, K) that each layer makes of the features."""

    def reorder(self, order: Tensor) -> "AttendedSource":
        """Return the sentences ``order`` (N,) of it."""
        cross = [KeysValues(keys[order], values[order]) for keys, values in self.cross]
        return AttendedSource(self.features[order], self.padding_mask[order], self.mask[order], cross)


class DecoderLayer(TransformerLayer):
    """Self attention, attention to the source if it has a dimension, then a feed-forward network."""

    def __init__(self, spec: LayerSpec, source_dim: int | None = None) -> None:
        super().__init__(spec)
        if source_dim is not None:
            self.cross_attention = CrossAttention(spec, source_dim)
            self.cross_attention_norm = spec.build_norm()

    def forward(self, x: Tensor, layout: Layout, source: EncoderOutput | None = None) -> Tensor:
        """Transform x (B, T, D), given the sources if the layer attends to them; return (B, T, D)."""
        cross = None
        if source is not None:
            cross = self.attending_to(
                self.cross_attention.keys_values(source.features), ~source.padding_mask[:, None, None]
            )
        return self._sublayers(x, partial(self.self_attention, layout=layout), cross)

    def step(self, x: Tensor, layout: Layout, cache: Cache, cross: Sublayer | None = None) -> Tensor:
        """Transform the next tokens of each hypothesis, x (N, P, D), to (N, P, D)."""
        self_attention = partial(self.self_attention.step, cache=cache, layout=layout)
        return self._sublayers(x, self_attention, cross)

    def attending_to(self, source: KeysValues, mask: Tensor) -> Sublayer:
        """Return the attention to keys and values (B, H / G, S, K) with a mask (B, 1, 1, S)."""
        return partial(self.cross_attention, source=source, mask=mask)

    def _sublayers(self, x: Tensor, self_attention: Sublayer, cross: Sublayer | None) -> Tensor:
        x = self.residual(x, self.self_attention_norm, self_attention)
        if cross is not None:
            x = self.residual(x, self.cross_attention_norm, cross)
        return self.residual(x, self.feed_forward_norm, self.feed_forward)


class DecoderState(IncrementalState):
    """Keys and values of what was decoded so far, for each layer."""

    def __init__(self, caches: list[Cache]) -> None:
        self.caches = caches

    @property
    def length(self) -> int:
        """How many tokens were decoded."""
        return self.caches[0].length

    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (M,); M may differ from the number of rows so far."""
        for cache in self.caches:
            cache.reorder(order)


class Decoder(LayerStack):
    """A stack of layers that see the target up to each token, and the whole source if there is one.

    Args:
        embedding: Embedding of the target.
        spec: What the layers are like.
        num_layers: L.
        source_dim: Dimension of the features of a source to attend to; None if there is no source.
        layerdrop: Rate of skipping a layer in training.
    """

    def __init__(
        self,
        embedding: InputEmbedding,
        spec: LayerSpec,
        num_layers: int,
        source_dim: int | None = None,
        layerdrop: float = 0.0,
    ) -> None:
        super().__init__(embedding, spec, (DecoderLayer(spec, source_dim) for _ in range(num_layers)), layerdrop)

    def forward(self, tokens: Tensor, source: EncoderOutput | None = None, documents: Tensor | None = None) -> Tensor:
        """Decode tokens (B, T), given their sources if the layers attend to them; return features (B, T, D).

        Args:
            tokens: Ids, padded on the right.
            source: Their sources, if the layers attend to one.
            documents: Numbers (B, T), rising, of the documents that tokens belong to, if they are to be kept apart:
                attention stays within each, and positions start anew.
        """
        x = self.embedding(tokens, places=None if documents is None else places_in_documents(documents))
        layout = causal_layout(self.spec, tokens.size(1), tokens.device, documents=documents)
        return self.transform(x, layout, source)

    def read(self, tokens: Tensor, padding_mask: Tensor, source: EncoderOutput) -> Tensor:
        """Let each of the tokens (B, T) see all that are no padding (B, T), later ones too; return (B, T, D)."""
        return self.transform(self.embedding(tokens), full_layout(self.spec, padding_mask), source)

    def cross_attention(self, layer: int) -> CrossAttention:
        """Return what attends to the source in a layer, from 0; -1 is the last."""
        return self._layers[layer].cross_attention

    def attended(self, source: EncoderOutput) -> AttendedSource:
        """Return a source with the keys and values that each layer makes of it, once a sentence, for :meth:`step`."""
        missing = -source.padding_mask.size(1) % WHOLE
        features = functional.pad(source.features, (0, 0, 0, missing))
        padding_mask = functional.pad(source.padding_mask, (0, missing), value=True)
        mask = features.new_zeros(padding_mask.shape).masked_fill(padding_mask, -math.inf)[:, None, None]
        cross = [layer.cross_attention.keys_values(features) for layer in self._layers]
        return AttendedSource(features, padding_mask, mask, cross)

    def new_state(self, rows: int) -> DecoderState:
        """Return an empty state for ``rows`` hypotheses."""
        return DecoderState([layer.self_attention.new_cache(rows) for layer in self._layers])

    def step(self, tokens: Tensor, state: DecoderState, source: AttendedSource | None = None) -> Tensor:
        """Decode the next tokens of each hypothesis, (N, P), and add them to the state; return features (N, P, D).

        The N // B hypotheses of a sentence stand together and attend to its one source.
        """
        start = state.length
        x = self.embedding(tokens, start=start)
        layout = causal_layout(self.spec, tokens.size(1), tokens.device, start=start)
        for number, (layer, cache) in enumerate(zip(self._layers, state.caches, strict=True)):
            cross = None if source is None else layer.attending_to(source.cross[number], source.mask)
            x = layer.step(x, layout, cache, cross)
        out: Tensor = self.norm(x)
        return out

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast(list[DecoderLayer], list(self.layers))
