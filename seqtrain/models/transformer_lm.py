"""A language model: the transformer's decoder by itself (Radford et al., 2018), with fairseq's options."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from seqtrain.fields import bounded
from seqtrain.models import DecoderModel, NoSource, TaskInfo, register_model
from seqtrain.models._output import OutputFields, ProjectingModel, build_output, cutoff_problems
from seqtrain.nn.adaptive import AdaptiveEmbedding, bands_of
from seqtrain.nn.decoder import Decoder, DecoderState
from seqtrain.nn.embedding import InputEmbedding, token_embedding
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.layer import LayerSpec
from seqtrain.nn.positions import Positions, build_positions


@dataclass
class TransformerLMConfig(OutputFields):
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
    no_decoder_final_norm: bool = False
    """Leave out the norm that follows the last of pre-norm layers."""
    adaptive_input_cutoff: list[int] = bounded([], at_least=1)
    """Numbers of the symbols at which bands of rarer ones begin, rising; empty for embeddings of one dimension."""
    adaptive_input_factor: float = bounded(4.0, at_least=1)
    """By how much the embeddings of each band have fewer dimensions than those of the one before."""
    tie_adaptive_weights: bool = False
    """Use the adaptive embeddings in the adaptive softmax too; both have the same bands then."""
    tie_adaptive_proj: bool = False
    """Use the projections of the adaptive embeddings in the adaptive softmax too."""
    no_scale_embedding: bool = False
    """Leave embeddings as they are instead of multiplying them by the root of their dimension."""
    layernorm_embedding: bool = False
    """Normalise the sum of token and position embeddings."""

    def contradictions(self) -> Iterable[str]:
        """Heads divide the dimension, and what is tied has the same bands."""
        yield from super().contradictions()
        dim, heads = self.decoder_embed_dim, self.decoder_attention_heads
        if dim % heads:
            yield (
                f"model.decoder_embed_dim={dim} cannot be split among model.decoder_attention_heads={heads}: "
                "choose a number of heads that divides it"
            )
        yield from cutoff_problems("adaptive_input_cutoff", self.adaptive_input_cutoff)
        if self.adaptive_input_cutoff and self.share_decoder_input_output_embed:
            yield (
                "model.share_decoder_input_output_embed=true is for embeddings of one dimension, but "
                f"model.adaptive_input_cutoff={self.adaptive_input_cutoff} is set: set model.tie_adaptive_weights=true "
                "and model.adaptive_softmax_cutoff to the same instead"
            )
        yield from self._tying_problems()

    def _tying_problems(self) -> Iterable[str]:
        cutoffs, factors = (
            (self.adaptive_input_cutoff, self.adaptive_softmax_cutoff),
            (self.adaptive_input_factor, self.adaptive_softmax_factor),
        )
        if self.tie_adaptive_weights and not (cutoffs[0] and cutoffs[0] == cutoffs[1] and factors[0] == factors[1]):
            yield (
                "model.tie_adaptive_weights=true needs the same bands at both ends, but the cutoffs are "
                f"model.adaptive_input_cutoff={cutoffs[0]} and model.adaptive_softmax_cutoff={cutoffs[1]}, "
                f"the factors {factors[0]:g} and {factors[1]:g}: make them equal"
            )
        if self.tie_adaptive_proj and not self.tie_adaptive_weights:
            yield "model.tie_adaptive_proj=true ties more than the weights: set model.tie_adaptive_weights=true too"

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
            no_final_norm=self.no_decoder_final_norm,
        )


@register_model("transformer_lm", TransformerLMConfig)
class TransformerLM(ProjectingModel, DecoderModel):
    """A decoder that attends to the tokens so far alone, and a projection to the vocabulary."""

    def __init__(self, cfg: TransformerLMConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        tokens = _token_embedding(cfg, task)
        embedding = InputEmbedding(
            tokens,
            build_positions(cfg.positions, cfg.decoder_embed_dim, task.max_positions[1]),
            dropout=cfg.dropout,
            scale=not cfg.no_scale_embedding,
            layernorm=cfg.layernorm_embedding,
        )
        self.decoder = Decoder(embedding, cfg.layer_spec(), cfg.decoder_layers, layerdrop=cfg.decoder_layerdrop)
        tied = cfg.share_decoder_input_output_embed or cfg.tie_adaptive_weights
        self.output_projection = build_output(
            cfg, cfg.decoder_embed_dim, task, tokens if tied else None, tie_projections=cfg.tie_adaptive_proj
        )

    def extract_features(self, source_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the features (B, S, D).

        Args:
            source_tokens: Ids, padded on the right, (B, S).
            **_: Whatever else a task gives.
        """
        features: Tensor = self.decoder(source_tokens)
        return features

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


def _token_embedding(cfg: TransformerLMConfig, task: TaskInfo) -> nn.Embedding | AdaptiveEmbedding:
    size, dim, pad = len(task.source_dictionary), cfg.decoder_embed_dim, task.source_dictionary.pad
    if not cfg.adaptive_input_cutoff:
        return token_embedding(size, dim, pad)
    return AdaptiveEmbedding(bands_of(size, cfg.adaptive_input_cutoff, dim, cfg.adaptive_input_factor), pad)
