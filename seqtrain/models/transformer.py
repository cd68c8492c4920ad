"""The transformer of Vaswani et al. (2017), "Attention Is All You Need", with fairseq's options."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.models import EncoderDecoderModel, EncoderOutput, TaskInfo, register_model
from seqtrain.models._output import OutputFields, ProjectingModel, build_output
from seqtrain.nn.decoder import AttendedSource, Decoder, DecoderState
from seqtrain.nn.embedding import InputEmbedding, token_embedding
from seqtrain.nn.encoder import Encoder
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.layer import LayerSpec
from seqtrain.nn.positions import Positions, build_positions


@dataclass
class TransformerConfig(OutputFields):
    """Config of the model ``transformer``; the defaults are the base model of Vaswani et al. (2017)."""

    dropout: float = bounded(0.1, at_least=0, below=1)
    """Rate of dropout on embeddings and after each sublayer."""
    attention_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout on attention weights."""
    activation_dropout: float = bounded(0.0, at_least=0, below=1)
    """Rate of dropout after the activation in feed-forward networks."""
    activation_fn: Activation = Activation.relu
    """Nonlinearity of the feed-forward networks."""
    positions: Positions = Positions.sinusoidal
    """Position embeddings of encoder and decoder."""
    encoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of the encoder's embeddings and layers."""
    encoder_ffn_embed_dim: int = bounded(2048, at_least=1)
    """Width of the encoder's feed-forward networks."""
    encoder_layers: int = bounded(6, at_least=1)
    """Number of encoder layers."""
    encoder_attention_heads: int = bounded(8, at_least=1)
    """Attention heads of an encoder layer, a divisor of ``encoder_embed_dim``."""
    encoder_normalize_before: bool = False
    """Normalise before each encoder sublayer (pre-norm) instead of after it (post-norm)."""
    encoder_layerdrop: float = bounded(0.0, at_least=0, below=1)
    """Rate of skipping an encoder layer in training."""
    decoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of the decoder's embeddings and layers."""
    decoder_ffn_embed_dim: int = bounded(2048, at_least=1)
    """Width of the decoder's feed-forward networks."""
    decoder_layers: int = bounded(6, at_least=1)
    """Number of decoder layers."""
    decoder_attention_heads: int = bounded(8, at_least=1)
    """Attention heads of a decoder layer, a divisor of ``decoder_embed_dim``."""
    decoder_normalize_before: bool = False
    """Normalise before each decoder sublayer (pre-norm) instead of after it (post-norm)."""
    decoder_layerdrop: float = bounded(0.0, at_least=0, below=1)
    """Rate of skipping a decoder layer in training."""
    share_all_embeddings: bool = False
    """One table for the embeddings of encoder and decoder and the output projection; needs a joint dictionary."""
    no_scale_embedding: bool = False
    """Leave embeddings as they are instead of multiplying them by the root of their dimension."""
    layernorm_embedding: bool = False
    """Normalise the sum of token and position embeddings."""

    def contradictions(self) -> Iterable[str]:
        """Heads divide dimensions, and shared embeddings have one dimension."""
        yield from super().contradictions()
        for side in ("encoder", "decoder"):
            dim, heads = vars(self)[f"{side}_embed_dim"], vars(self)[f"{side}_attention_heads"]
            if dim % heads:
                yield (
                    f"model.{side}_embed_dim={dim} cannot be split among model.{side}_attention_heads={heads}: "
                    "choose a number of heads that divides it"
                )
        if self.share_all_embeddings and self.encoder_embed_dim != self.decoder_embed_dim:
            yield (
                f"model.share_all_embeddings needs one dimension, but model.encoder_embed_dim={self.encoder_embed_dim} "
                f"and model.decoder_embed_dim={self.decoder_embed_dim}: make them equal, "
                "or set model.share_decoder_input_output_embed=true instead"
            )
        if self.share_all_embeddings and self.adaptive_softmax_cutoff:
            yield (
                "model.share_all_embeddings=true is for a linear output projection, but "
                f"model.adaptive_softmax_cutoff={self.adaptive_softmax_cutoff} is set: leave out one of them"
            )

    def layer_spec(self, side: str) -> LayerSpec:
        """Return what a layer of a side, ``encoder`` or ``decoder``, is like."""
        values = vars(self)
        return LayerSpec(
            dim=values[f"{side}_embed_dim"],
            ffn_dim=values[f"{side}_ffn_embed_dim"],
            heads=values[f"{side}_attention_heads"],
            normalize_before=values[f"{side}_normalize_before"],
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            activation_dropout=self.activation_dropout,
            activation=self.activation_fn,
        )


@register_model("transformer", TransformerConfig)
class Transformer(ProjectingModel, EncoderDecoderModel):
    """An encoder, a decoder that attends to it, and a projection to the target's vocabulary."""

    def __init__(self, cfg: TransformerConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        source_embedding, target_embedding = _embeddings(cfg, task)
        self.encoder = Encoder(source_embedding, cfg.layer_spec("encoder"), cfg.encoder_layers, cfg.encoder_layerdrop)
        self.decoder = Decoder(
            target_embedding,
            cfg.layer_spec("decoder"),
            source_dim=cfg.encoder_embed_dim,
            num_layers=cfg.decoder_layers,
            layerdrop=cfg.decoder_layerdrop,
        )
        tied = cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
        self.output_projection = build_output(
            cfg, cfg.decoder_embed_dim, task, target_embedding.tokens if tied else None
        )

    def extract_features(
        self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor, **_: Tensor
    ) -> Tensor:
        """Return the decoder's features (B, T, D).

        Args:
            source_tokens: Ids, padded on the right, (B, S).
            source_lengths: How many of them are no padding, (B,).
            prev_output_tokens: The target shifted right, padded on the right, (B, T).
            **_: Whatever else a task gives.
        """
        mask = _padding_mask(source_tokens, source_lengths)
        source = EncoderOutput(self.encoder(source_tokens, mask), mask)
        features: Tensor = self.decoder(prev_output_tokens, source)
        return features

    def encode(self, source_tokens: Tensor, source_lengths: Tensor, **_: Tensor) -> AttendedSource:
        """Encode ``source_tokens`` (B, S), ``source_lengths`` (B,), for decoding token by token."""
        mask = _padding_mask(source_tokens, source_lengths)
        return self.decoder.attended(EncoderOutput(self.encoder(source_tokens, mask), mask))

    def new_state(self, encoder_output: AttendedSource, rows: int, max_length: int) -> DecoderState:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""
        return self.decoder.new_state(rows, max_length)

    def decode_step(self, prev_tokens: Tensor, encoder_output: AttendedSource, state: DecoderState) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        return self.project(self.decoder.step(prev_tokens[:, None], state, encoder_output)[:, 0])

    def prefill(self, tokens: Tensor, encoder_output: AttendedSource, state: DecoderState) -> None:
        """Add the tokens (N, P) that hypotheses begin with to the state, in one pass."""
        self.decoder.step(tokens, state, encoder_output)


def _embeddings(cfg: TransformerConfig, task: TaskInfo) -> tuple[InputEmbedding, InputEmbedding]:
    """Build the embeddings of source and target, over one table if all are shared."""
    source, target = task.source_dictionary, task.target_dictionary
    if cfg.share_all_embeddings and not source.shares_ids_with(target):
        raise ConfigError(
            "model.share_all_embeddings needs one dictionary for source and target: "
            "set task.joined_dictionary=true, or model.share_all_embeddings=false"
        )
    source_table = token_embedding(len(source), cfg.encoder_embed_dim, source.pad)
    if cfg.share_all_embeddings:
        target_table = source_table
    else:
        target_table = token_embedding(len(target), cfg.decoder_embed_dim, target.pad)
    return _embedding(cfg, source_table, task.max_positions[0]), _embedding(cfg, target_table, task.max_positions[1])


def _embedding(cfg: TransformerConfig, table: nn.Embedding, max_positions: int) -> InputEmbedding:
    return InputEmbedding(
        table,
        build_positions(cfg.positions, table.embedding_dim, max_positions),
        dropout=cfg.dropout,
        scale=not cfg.no_scale_embedding,
        layernorm=cfg.layernorm_embedding,
    )


def _padding_mask(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return a mask (B, S), True where tokens (B, S) are beyond the length (B,) of their sequence."""
    return torch.arange(tokens.size(1), device=tokens.device) >= lengths[:, None]
