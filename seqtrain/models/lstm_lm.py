"""A recurrent language model: LSTM layers (Hochreiter and Schmidhuber, 1997), with fairseq's options."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqtrain.models import DecoderModel, IncrementalState, NoSource, TaskInfo, register_model
from seqtrain.models._lstm import LSTMFields
from seqtrain.models._output import ProjectingModel, build_output, check_one_dictionary
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.initialization import initialize_uniform
from seqtrain.nn.positions import places_in_documents
from seqtrain.nn.recurrent import output_layer

Hidden = list[tuple[Tensor, Tensor]]
"""For each layer the last output and the memory of its cells, (1, N, H) both."""


@dataclass
class LSTMLMConfig(LSTMFields):
    """Config of the model ``lstm_lm``."""

    residuals: bool = False
    """Add the input of each layer but the first to its output."""


class LSTMState(IncrementalState):
    """The hidden state after the tokens so far; None before the first."""

    hidden: Hidden | None = None

    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (M,)."""
        if self.hidden is not None:
            self.hidden = [(output[:, order], memory[:, order]) for output, memory in self.hidden]


@register_model("lstm_lm", LSTMLMConfig)
class LSTMLM(ProjectingModel, DecoderModel):
    """LSTM layers over the tokens so far, and a projection to the vocabulary."""

    def __init__(self, cfg: LSTMLMConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.pad = task.source_dictionary.pad
        self.residuals = cfg.residuals
        self.embedding = token_embedding(len(task.source_dictionary), cfg.decoder_embed_dim, self.pad)
        spec = cfg.spec("decoder")
        self.dropout_in, self.dropout_out = Dropout(spec.dropout_in), Dropout(spec.dropout_out)
        size = spec.hidden_size
        input_sizes = [cfg.decoder_embed_dim, *[size] * (spec.layers - 1)]
        self.layers = nn.ModuleList(nn.LSTM(input_size, size, batch_first=True) for input_size in input_sizes)
        self.out = output_layer(size, cfg.decoder_out_embed_dim, self.dropout_out)
        if cfg.share_decoder_input_output_embed:
            check_one_dictionary(task)
        tied_to = self.embedding if cfg.share_decoder_input_output_embed else None
        self.output_projection = build_output(cfg, cfg.decoder_out_embed_dim, task, tied_to)
        initialize_uniform(self)

    def extract_features(self, source_tokens: Tensor, source_documents: Tensor | None = None, **_: Tensor) -> Tensor:
        """Return the features (B, S, D).

        Args:
            source_tokens: Ids, padded on the right, (B, S): what stands before padding does not depend on it.
            source_documents: Rising numbers of the documents that tokens belong to, (B, S): each begins with nothing
                remembered, as if it were alone.
            **_: Whatever else a task gives.
        """
        if source_documents is None:
            return self._features(source_tokens)[0]
        rows, places = _rows_of_documents(source_documents)
        last_row, last_place = torch.stack([rows.max(), places.max()]).tolist()  # a GPU is waited for, but once
        apart = source_tokens.new_full((last_row + 1, last_place + 1), self.pad)
        apart[rows, places] = source_tokens
        return self._features(apart)[0][rows, places]

    def encode(self, **_: Tensor) -> NoSource:
        """Return nothing: there is no source to encode."""
        return NoSource()

    def new_state(self, encoder_output: NoSource, rows: int, max_length: int) -> LSTMState:
        """Return a state in which nothing is remembered yet."""
        return LSTMState()

    def decode_step(self, prev_tokens: Tensor, encoder_output: NoSource, state: LSTMState) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        features, state.hidden = self._features(prev_tokens[:, None], state.hidden)
        return self.project(features[:, 0])

    def prefill(self, tokens: Tensor, encoder_output: NoSource, state: LSTMState) -> None:
        """Add the tokens (N, P) that hypotheses begin with to the state, in one pass."""
        _, state.hidden = self._features(tokens, state.hidden)

    def _features(self, tokens: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, Hidden]:
        """Return the features (N, T, D) of tokens (N, T) that follow a hidden state, and the one after them."""
        x, last = self.dropout_in(self.embedding(tokens)), []
        for number, layer in enumerate(self.layers):
            y, after = layer(x, None if hidden is None else hidden[number])
            y = self.dropout_out(y)
            x = x + y if self.residuals and number else y
            last.append(after)
        features: Tensor = self.out(x)
        return features, last


def _rows_of_documents(documents: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each token (B, S) which of all documents it is in, counted over the rows, and its place there."""
    places = places_in_documents(documents)
    rows = torch.cumsum(places.eq(0).flatten(), 0).view_as(documents) - 1
    return rows, places
