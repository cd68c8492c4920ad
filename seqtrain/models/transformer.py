"""The transformer of Vaswani et al. (2017), "Attention Is All You Need", with fairseq's options."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.models import EncoderDecoderModel, EncoderOutput, TaskInfo, register_model
from seqtrain.models._output import ProjectingModel, build_output
from seqtrain.models._sides import SidesFields
from seqtrain.models._transformer import TransformerFields
from seqtrain.nn.ctc_head import CTCHead
from seqtrain.nn.decoder import AttendedSource, Decoder, DecoderState
from seqtrain.nn.deep_norm import decoder_beside_encoder, encoder_beside_decoder
from seqtrain.nn.encoder import Encoder
from seqtrain.nn.initialization import Initialization, initialize_gpt2
from seqtrain.nn.inspection import calls_of
from seqtrain.nn.padding import padding_mask
from seqtrain.nn.spec import LayerSpec


@dataclass
class TransformerConfig(SidesFields, TransformerFields):
    """Config of the model ``transformer``; the defaults are the base model of Vaswani et al. (2017)."""

    encoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of the encoder's embeddings and layers."""
    encoder_ffn_embed_dim: int = bounded(2048, at_least=1)
    """Width of the encoder's feed-forward networks."""
    encoder_layers: int = bounded(6, at_least=1)
    """Number of encoder layers."""
    encoder_attention_heads: int = bounded(8, at_least=1)
    """Attention heads of an encoder layer, a divisor of ``encoder_embed_dim``."""
    encoder_kv_heads: int | None = bounded(None, at_least=1)
    """Heads of keys and values, a divisor of ``encoder_attention_heads``; null for as many, 1 for multi-query."""
    encoder_normalize_before: bool = False
    """Normalise before each encoder sublayer (pre-norm) instead of after it (post-norm)."""
    encoder_layerdrop: float = bounded(0.0, at_least=0, below=1)
    """Rate of skipping an encoder layer in training."""
    alignment_layer: int = bounded(-1, at_least=-1)
    """Decoder layer whose attention to the source is told, to criterions and for alignments, from 0; -1 is the last."""
    alignment_heads: int | None = bounded(None, at_least=1)
    """How many of that layer's heads, the first ones, of which the mean is told; null for all."""
    ctc_upsampling: int = bounded(0, at_least=0)
    """Symbols that the encoder predicts for each source position, for a CTC loss; 0 predicts none."""

    def contradictions(self) -> Iterable[str]:
        """The encoder's layers are sound as well, and the attention that criterions are told is there."""
        yield from self.contradictions_of("encoder")
        yield from super().contradictions()
        if self.alignment_layer >= self.decoder_layers:
            layers = f"model.decoder_layers={self.decoder_layers}"
            yield f"model.alignment_layer={self.alignment_layer} must be below {layers}"
        if self.alignment_heads and self.alignment_heads > self.decoder_attention_heads:
            yield (
                f"model.alignment_heads={self.alignment_heads} are more than "
                f"model.decoder_attention_heads={self.decoder_attention_heads}"
            )

    def encoder_spec(self) -> LayerSpec:
        """Return what an encoder layer is like."""
        return self.layer_spec("encoder", encoder_beside_decoder(self.encoder_layers, self.decoder_layers))

    def decoder_spec(self) -> LayerSpec:
        """Return what a decoder layer is like."""
        return self.layer_spec("decoder", decoder_beside_encoder(self.decoder_layers))


@register_model("transformer", TransformerConfig)
class Transformer(ProjectingModel, EncoderDecoderModel):
    """An encoder, a decoder that attends to it, and a projection to the target's vocabulary."""

    def __init__(self, cfg: TransformerConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        source_tokens, target_tokens = cfg.embedding_tables(task)
        source_positions, target_positions = task.max_positions
        source_embedding = cfg.input_embedding(source_tokens, source_positions)
        target_embedding = cfg.input_embedding(target_tokens, target_positions)
        self.encoder = Encoder(source_embedding, cfg.encoder_spec(), cfg.encoder_layers, cfg.encoder_layerdrop)
        self.decoder = Decoder(
            target_embedding,
            cfg.decoder_spec(),
            source_dim=cfg.encoder_embed_dim,
            num_layers=cfg.decoder_layers,
            layerdrop=cfg.decoder_layerdrop,
        )
        self.alignment_layer, self.alignment_heads = cfg.alignment_layer, cfg.alignment_heads
        self.ctc: CTCHead | None = None
        if cfg.ctc_upsampling:
            self.ctc = CTCHead(cfg.encoder_embed_dim, len(task.target_dictionary), cfg.ctc_upsampling)
        tied_to = target_tokens if cfg.ties_output else None
        self.output_projection = build_output(cfg, cfg.decoder_embed_dim, task, tied_to)
        if cfg.init is Initialization.gpt2:
            initialize_gpt2(self, [self.encoder, self.decoder])

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
        features: Tensor = self.decoder(prev_output_tokens, self._encoded(source_tokens, source_lengths))
        return features

    def extract_with_attention(
        self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor, **_: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the features (B, T, D), and the attention (B, T, S) of the chosen layer, the mean of its heads."""
        source = self._encoded(source_tokens, source_lengths)
        return self._attending(lambda: self.decoder(prev_output_tokens, source))

    def extract_with_ctc(
        self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor, **_: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """Return the features (B, T, D) and the encoder's logits (B, n S, V), or None without ``ctc_upsampling``."""
        if self.ctc is None:
            return None
        source = self._encoded(source_tokens, source_lengths)
        return self.decoder(prev_output_tokens, source), self.ctc(source.features)

    def encode(self, source_tokens: Tensor, source_lengths: Tensor, **_: Tensor) -> AttendedSource:
        """Encode ``source_tokens`` (B, S), ``source_lengths`` (B,), for decoding token by token."""
        return self.decoder.attended(self._encoded(source_tokens, source_lengths))

    def new_state(self, encoder_output: AttendedSource, rows: int, max_length: int) -> DecoderState:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""
        return self.decoder.new_state(rows)

    def decode_step(self, prev_tokens: Tensor, encoder_output: AttendedSource, state: DecoderState) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        return self.project(self.decoder.step(prev_tokens[:, None], state, encoder_output)[:, 0])

    def prefill(self, tokens: Tensor, encoder_output: AttendedSource, state: DecoderState) -> None:
        """Add the tokens (N, P) that hypotheses begin with to the state, in one pass."""
        self.decoder.step(tokens, state, encoder_output)

    def _attending(self, decode: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
        """Return what ``decode`` returns, and the chosen attention (B, T, S) of the decoder in it."""
        attention = self.decoder.cross_attention(self.alignment_layer)
        with calls_of(attention) as calls:
            features = decode()
        positional, named = calls[-1]
        return features, attention.probabilities(*positional, **named, heads=self.alignment_heads).mean(dim=1)

    def _encoded(self, source_tokens: Tensor, source_lengths: Tensor) -> EncoderOutput:
        mask = padding_mask(source_tokens, source_lengths)
        return EncoderOutput(self.encoder(source_tokens, mask), mask)
