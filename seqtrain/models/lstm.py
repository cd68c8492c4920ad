"""Recurrent translation: LSTM layers, attention and input feeding (Luong et al., 2015), with fairseq's options."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.models import EncoderDecoderModel, TaskInfo, register_model
from seqtrain.models._lstm import LSTMFields
from seqtrain.models._output import ProjectingModel, build_output
from seqtrain.models._sides import SidesFields
from seqtrain.nn.initialization import initialize_uniform
from seqtrain.nn.recurrent import RecurrentSource
from seqtrain.nn.recurrent_decoder import Decoded, RecurrentDecoder, RecurrentState
from seqtrain.nn.recurrent_encoder import RecurrentEncoder


@dataclass
class LSTMConfig(SidesFields, LSTMFields):
    """Config of the model ``lstm``."""

    encoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of the encoder's embeddings."""
    encoder_hidden_size: int | None = bounded(None, at_least=1)
    """Number of cells of an encoder layer, in each direction; null for ``encoder_embed_dim``."""
    encoder_layers: int = bounded(1, at_least=1)
    """Number of encoder layers: as many as ``decoder_layers``, since each of these goes on from one of them."""
    encoder_bidirectional: bool = False
    """Read the source from both ends."""
    encoder_dropout_in: float | None = bounded(None, at_least=0, below=1)
    """Rate of dropout on the encoder's embeddings; null for ``dropout``."""
    encoder_dropout_out: float | None = bounded(None, at_least=0, below=1)
    """Rate of dropout on the outputs of the encoder's layers; null for ``dropout``."""
    decoder_attention: bool = True
    """Attend to the source; without it the decoder has what the encoder's cells remember at the end."""

    def contradictions(self) -> Iterable[str]:
        """There is a layer of the encoder for each of the decoder."""
        yield from super().contradictions()
        if self.encoder_layers != self.decoder_layers:
            yield (
                "each layer of the decoder goes on from one of the encoder, but "
                f"model.encoder_layers={self.encoder_layers} and model.decoder_layers={self.decoder_layers}: "
                "make them equal"
            )


@register_model("lstm", LSTMConfig)
class LSTM(ProjectingModel, EncoderDecoderModel):
    """An encoder, a decoder that attends to it, and a projection to the target's vocabulary."""

    def __init__(self, cfg: LSTMConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        source_table, target_table = cfg.embedding_tables(task)
        decoder_spec = cfg.spec("decoder")
        self.encoder = RecurrentEncoder(
            source_table, cfg.spec("encoder"), decoder_spec.hidden_size, bidirectional=cfg.encoder_bidirectional
        )
        source_dim = self.encoder.out_dim if cfg.decoder_attention else None
        self.decoder = RecurrentDecoder(target_table, decoder_spec, source_dim, cfg.decoder_out_embed_dim)
        tied_to = target_table if cfg.ties_output else None
        self.output_projection = build_output(cfg, cfg.decoder_out_embed_dim, task, tied_to, bias=True)
        initialize_uniform(self)

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
        return self._decoded(source_tokens, source_lengths, prev_output_tokens).features

    def extract_with_attention(
        self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor, **_: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """Return the features (B, T, D) and the attention (B, T, S); None if ``decoder_attention`` is off."""
        if self.decoder.attention is None:
            return None
        return self._decoded(source_tokens, source_lengths, prev_output_tokens)

    def encode(self, source_tokens: Tensor, source_lengths: Tensor, **_: Tensor) -> RecurrentSource:
        """Encode ``source_tokens`` (B, S), ``source_lengths`` (B,), for decoding token by token."""
        source: RecurrentSource = self.encoder(source_tokens, source_lengths)
        return source

    def new_state(self, encoder_output: RecurrentSource, rows: int, max_length: int) -> RecurrentState:
        """Return the state before the first token of ``rows`` hypotheses, of any length."""
        return self.decoder.new_state(encoder_output, rows)

    def decode_step(self, prev_tokens: Tensor, encoder_output: RecurrentSource, state: RecurrentState) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        return self.project(self.decoder(prev_tokens[:, None], encoder_output, state).features[:, 0])

    def prefill(self, tokens: Tensor, encoder_output: RecurrentSource, state: RecurrentState) -> None:
        """Add the tokens (N, P) that hypotheses begin with to the state."""
        self.decoder(tokens, encoder_output, state)

    def _decoded(self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor) -> Decoded:
        source = self.encode(source_tokens, source_lengths)
        state = self.decoder.new_state(source, len(prev_output_tokens))
        decoded: Decoded = self.decoder(prev_output_tokens, source, state)
        return decoded
