"""What the configs of ``transformer`` and ``transformer_lm`` share: the fields of layers and of the decoder."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from seqtrain.fields import bounded
from seqtrain.models import ModelConfig
from seqtrain.nn.adaptive import AdaptiveEmbedding
from seqtrain.nn.deep_norm import DeepNorm
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.initialization import Initialization
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.norm import Norm
from seqtrain.nn.positions import Positions, build_positions
from seqtrain.nn.spec import LayerSpec


@dataclass
class TransformerFields(ModelConfig):
    """Base of the configs of transformers with a decoder."""

    dropout: float = bounded(0.1, at_least=0, below=1)
    """Rate of dropout on embeddings and after each sublayer."""
    attention_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout on attention weights."""
    activation_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout after the activation in feed-forward networks."""
    activation_fn: Activation = Activation.relu
    """Nonlinearity of the feed-forward networks; swiglu and geglu are gated, with a third matrix."""
    positions: Positions = Positions.sinusoidal
    """Positions: sinusoidal and learned ones are embeddings, rotary and alibi part of self attention."""
    rotary_base: float = bounded(10000.0, above=1)
    """Base of the frequencies of rotary positions: a higher one turns more slowly, for longer sequences."""
    norm: Norm = Norm.layer_norm
    """Kind of the layers' norms."""
    norm_eps: float = bounded(1e-5, above=0)
    """Number that the layers' norms add to a variance, or to a mean square."""
    qk_norm: bool = False
    """Normalise the queries and keys of each attention head, with weights that the heads of a layer share."""
    bias: bool = True
    """Biases in the layers' linear layers and layer norms."""
    deep_norm: bool = False
    """Scale residual connections and initial weights for very deep post-norm stacks (DeepNorm)."""
    init: Initialization = Initialization.fairseq
    """How weights start: as in fairseq, or as in GPT-2 (normal, 0.02, those that end a sublayer smaller).

    Adaptive embeddings and softmaxes, which GPT-2 does not have, start as in fairseq.
    """
    checkpoint_activations: bool = False
    """Save memory: keep the input of each layer alone, and compute the layer again in the backward pass."""
    no_scale_embedding: bool = False
    """Leave embeddings as they are instead of multiplying them by the root of their dimension."""
    layernorm_embedding: bool = False
    """Normalise the sum of token and position embeddings."""
    decoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of the decoder's embeddings and layers."""
    decoder_ffn_embed_dim: int = bounded(2048, at_least=1)
    """Width of the decoder's feed-forward networks."""
    decoder_layers: int = bounded(6, at_least=1)
    """Number of decoder layers."""
    decoder_attention_heads: int = bounded(8, at_least=1)
    """Attention heads of a decoder layer, a divisor of ``decoder_embed_dim``."""
    decoder_kv_heads: int | None = bounded(None, at_least=1)
    """Heads of keys and values, a divisor of ``decoder_attention_heads``; null for as many, 1 for multi-query."""
    decoder_normalize_before: bool = False
    """Normalise before each decoder sublayer (pre-norm) instead of after it (post-norm)."""
    no_decoder_final_norm: bool = False
    """Leave out the norm that follows the last of pre-norm decoder layers."""
    decoder_layerdrop: float = bounded(0.0, at_least=0, below=1)
    """Rate of skipping a decoder layer in training."""

    def contradictions(self) -> Iterable[str]:
        """Heads divide dimensions, and what cannot go together does not."""
        yield from super().contradictions()
        yield from self.contradictions_of("decoder")
        if self.deep_norm and self.init is not Initialization.fairseq:
            yield (
                f"model.deep_norm=true draws initial weights of its own, but model.init={self.init.value}: "
                "leave out one of them"
            )

    def contradictions_of(self, side: str) -> Iterable[str]:
        """Yield what is wrong with the layers of a side, ``encoder`` or ``decoder``."""
        values = vars(self)
        dim, heads = values[f"{side}_embed_dim"], values[f"{side}_attention_heads"]
        kv_heads = values[f"{side}_kv_heads"]
        if dim % heads:
            yield (
                f"model.{side}_embed_dim={dim} cannot be split among model.{side}_attention_heads={heads}: "
                "choose a number of heads that divides it"
            )
        elif self.positions is Positions.rotary and dim // heads % 2:
            yield (
                f"model.positions=rotary rotates pairs, but heads have the odd dimension {dim // heads}: "
                f"change model.{side}_embed_dim={dim} or model.{side}_attention_heads={heads}"
            )
        if kv_heads and heads % kv_heads:
            yield (
                f"model.{side}_attention_heads={heads} cannot share model.{side}_kv_heads={kv_heads} evenly: "
                "choose a number that divides it"
            )
        if self.deep_norm and values[f"{side}_normalize_before"]:
            yield f"model.deep_norm=true is for post-norm layers: set model.{side}_normalize_before=false"

    def layer_spec(self, side: str, deep_norm: DeepNorm) -> LayerSpec:
        """Return what a layer of a side, ``encoder`` or ``decoder``, is like, with these constants if it has any."""
        values = vars(self)
        return LayerSpec(
            dim=values[f"{side}_embed_dim"],
            ffn_dim=values[f"{side}_ffn_embed_dim"],
            heads=values[f"{side}_attention_heads"],
            kv_heads=values[f"{side}_kv_heads"],
            normalize_before=values[f"{side}_normalize_before"],
            no_final_norm=side == "decoder" and self.no_decoder_final_norm,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            activation_dropout=self.activation_dropout,
            activation=self.activation_fn,
            bias=self.bias,
            norm=self.norm,
            norm_eps=self.norm_eps,
            qk_norm=self.qk_norm,
            positions=self.positions,
            rotary_base=self.rotary_base,
            deep_norm=deep_norm if self.deep_norm else None,
            checkpoint_activations=self.checkpoint_activations,
        )

    def input_embedding(self, table: nn.Embedding | AdaptiveEmbedding, max_positions: int) -> InputEmbedding:
        """Return what enters the first layer, over a table of tokens (V, D)."""
        return InputEmbedding(
            table,
            build_positions(self.positions, table.embedding_dim, max_positions),
            dropout=self.dropout,
            scale=not self.no_scale_embedding,
            layernorm=self.layernorm_embedding,
        )
