"""A recurrent decoder: LSTM layers that attend to the source, with input feeding."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqtrain.base import IncrementalState
from seqtrain.nn.compilation import LeftToPython
from seqtrain.nn.dot_attention import DotAttention
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.recurrent import Cells, RecurrentSource, RecurrentSpec, output_layer


class RecurrentState(IncrementalState):
    """What a decoder remembers of N hypotheses: its cells, and the last output, which is fed back.

    Its size does not depend on how many tokens there were.
    """

    def __init__(self, cells: list[Cells], fed: Tensor) -> None:
        self.cells = cells
        self.fed = fed

    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (M,); M may differ from the number of rows so far."""
        self.cells = [cells.rows(order) for cells in self.cells]
        self.fed = self.fed[order]


class Decoded(NamedTuple):
    """What a decoder makes of T tokens."""

    features: Tensor
    """What the projection takes, (N, T, D)."""
    attention: Tensor
    """Probabilities of the source's tokens, (N, T, S), or (N, T, 0) if it does not attend."""


class RecurrentDecoder(nn.Module):
    """LSTM layers over the target so far.

    The first reads the embedding of a token, and the output for the one before: input feeding (Luong et al., 2015,
    section 3.3). The last one's output attends to the source; without attention it is the output.

    Args:
        embedding: of the target, (V, E).
        spec: what the layers are like.
        source_dim: dimension of the source's features, to attend to; None for no attention.
        out_dim: dimension D of what is projected.
    """

    # The loop is Python's and its body compiled: unrolled, each length would be a graph of its own.
    left_to_python = LeftToPython.forward

    def __init__(self, embedding: nn.Embedding, spec: RecurrentSpec, source_dim: int | None, out_dim: int) -> None:
        super().__init__()
        self.embedding = embedding
        size = spec.hidden_size
        input_dims = [embedding.embedding_dim + size, *[size] * (spec.layers - 1)]
        self.layers = nn.ModuleList(nn.LSTMCell(input_dim, size) for input_dim in input_dims)
        self.dropout_in, self.dropout_out = Dropout(spec.dropout_in), Dropout(spec.dropout_out)
        self.attention = None if source_dim is None else DotAttention(size, source_dim)
        self.out = output_layer(size, out_dim, self.dropout_out)

    def new_state(self, source: RecurrentSource, rows: int) -> RecurrentState:
        """Return the state before the first token, of ``rows`` hypotheses: as many of each sentence."""
        hypotheses = rows // len(source.features)
        cells = [Cells(*(x.repeat_interleave(hypotheses, dim=0) for x in of_layer)) for of_layer in source.cells]
        return RecurrentState(cells, torch.zeros_like(cells[-1].hidden))

    def forward(self, tokens: Tensor, source: RecurrentSource, state: RecurrentState) -> Decoded:
        """Decode the next tokens of each hypothesis, (N, T), and go on with the state.

        The N // B hypotheses of a sentence stand together and attend to its one source.
        """
        outputs, attention = [], []
        for x in self.dropout_in(self.embedding(tokens)).unbind(1):
            state.cells, state.fed, attended = self._step(x, state.cells, state.fed, source)
            outputs.append(state.fed)
            attention.append(attended)
        features: Tensor = self.out(torch.stack(outputs, dim=1))
        return Decoded(features, torch.stack(attention, dim=1))

    def _step(
        self, x: Tensor, cells: list[Cells], fed: Tensor, source: RecurrentSource
    ) -> tuple[list[Cells], Tensor, Tensor]:
        """Return the cells after embeddings x (N, E), the output (N, H), and what it attended to, (N, S)."""
        hidden, after = torch.cat([x, fed], dim=1), []
        for number, layer in enumerate(self.layers):
            after.append(Cells(*layer(self.dropout_out(hidden) if number else hidden, cells[number])))
            hidden = after[-1].hidden
        output, attention = self._attend(hidden, source)
        return after, self.dropout_out(output), attention

    def _attend(self, hidden: Tensor, source: RecurrentSource) -> tuple[Tensor, Tensor]:
        """Return the output (N, H) of the last layer's cells (N, H), and what it attended to, (N, S)."""
        if self.attention is None:
            return hidden, hidden.new_empty(len(hidden), 0)
        queries = hidden.view(len(source.features), -1, hidden.size(1))  # (B, N // B, H)
        output, attention = self.attention(queries, source)
        return output.flatten(0, 1), attention.flatten(0, 1)
