"""A language model: the transformer's decoder by itself (Radford et al., 2018), with fairseq's options."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.models import DecoderModel, ModelConfig, NoSource, TaskInfo, register_model
from seqtrain.nn.decoder import Decoder, DecoderState
from seqtrain.nn.embedding import InputEmbedding, output_projection, token_embedding
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.layer import LayerSpec
from seqtrain.nn.positions import Positions, build_positions


@dataclass
class TransformerLMConfig(ModelConfig):
    """Config of the model ``transformer_lm``; layers are pre-norm, as in all named architectures of fairseq."""

    dropout: float = bounded(0.1, at_least=0, below=1)
    """Rate of dropout on embeddings and after each sublayer."""
    attention_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout on attention weights."""
    activation_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout after the activation in feed-forward networks."""
    activation_fn: Activation = Activation.relu
    """Nonlinearity of the feed-forward networks."""
    positions: Positions = Positions.sinusoidal
    """Position embeddings."""
    decoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of embeddings and layers."""
    decoder_ffn_embed_dim: int = bounded(2048, at_least=1)
    """Width of the feed-forward networks."""
    decoder_layers: int = bounded(6, at_least=1)
    """Number of layers."""
    decoder_attention_heads: int = bounded(8, at_least=1)
    """Attention heads of a layer, a divisor of ``decoder_embed_dim``."""
    decoder_normalize_before: bool = True
    """Normalise before each sublayer (pre-norm) instead of after it (post-norm)."""
    decoder_layerdrop: float = bounded(0.0, at_least=0, below=1)
    """Rate of skipping a layer in training."""
    share_decoder_input_output_embed: bool = False
    """Use the embeddings as the output projection too."""
    no_scale_embedding: bool = False
    """Leave embeddings as they are instead of multiplying them by the root of their dimension."""
    layernorm_embedding: bool = False
    """Normalise the sum of token and position embeddings."""

    def contradictions(self) -> Iterable[str]:
        """Heads divide the dimension."""
        dim, heads = self.decoder_embed_dim, self.decoder_attention_heads
        if dim % heads:
            yield (
                f"model.decoder_embed_dim={dim} cannot be split among model.decoder_attention_heads={heads}: "
                "choose a number of heads that divides it"
            )

    def layer_spec(self) -> LayerSpec:
        """Return what a layer is like."""
        return LayerSpec(
            dim=self.decoder_embed_dim,
            ffn_dim=self.decoder_ffn_embed_dim,
            heads=self.decoder_attention_heads,
            normalize_before=self.decoder_normalize_before,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            activation_dropout=self.activation_dropout,
            activation=self.activation_fn,
        )


@register_model("transformer_lm", TransformerLMConfig)
class TransformerLM(DecoderModel):
    """A decoder that attends to the tokens so far alone, and a projection to the vocabulary."""

    def __init__(self, cfg: TransformerLMConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        table = token_embedding(len(task.source_dictionary), cfg.decoder_embed_dim, task.source_dictionary.pad)
        embedding = InputEmbedding(
            table,
            build_positions(cfg.positions, cfg.decoder_embed_dim, task.max_positions[1]),
            dropout=cfg.dropout,
            scale=not cfg.no_scale_embedding,
            layernorm=cfg.layernorm_embedding,
        )
        self.decoder = Decoder(embedding, cfg.layer_spec(), cfg.decoder_layers, layerdrop=cfg.decoder_layerdrop)
        self.output_projection = output_projection(
            cfg.decoder_embed_dim,
            len(task.target_dictionary),
            tied_to=table if cfg.share_decoder_input_output_embed else None,
        )

    def extract_features(self, source_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the features (B, S, D).

        Args:
            source_tokens: Ids, padded on the right, (B, S).
            **_: Whatever else a task gives.
        """
        features: Tensor = self.decoder(source_tokens)
        return features

    def project(self, features: Tensor) -> Tensor:
        """Return the logits (..., V) of features (..., D)."""
        logits: Tensor = self.output_projection(features)
        return logits

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return the weight (V, D) that ``project`` multiplies with, and no bias: criterions may do so in chunks."""
        return self.output_projection.weight, None

    def encode(self, **_: Tensor) -> NoSource:
        """Return nothing: there is no source to encode."""
        return NoSource()

    def new_state(self, encoder_output: NoSource, rows: int, max_length: int) -> DecoderState:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""
        return self.decoder.new_state(rows, max_length)

    def decode_step(self, prev_tokens: Tensor, encoder_output: NoSource, state: DecoderState) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        return self.project(self.decoder.step(prev_tokens[:, None], state)[:, 0])

    def prefill(self, tokens: Tensor, encoder_output: NoSource, state: DecoderState) -> None:
        """Add the tokens (N, P) that hypotheses begin with to the state, in one pass."""
        self.decoder.step(tokens, state)
