"""A recurrent encoder: LSTM layers that read the source, from left to right or in both directions."""

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seqtrain.nn.compilation import LeftToPython
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.linear import Linear
from seqtrain.nn.padding import padding_mask
from seqtrain.nn.recurrent import Cells, RecurrentSource, RecurrentSpec


class RecurrentEncoder(nn.Module):
    """LSTM layers (Hochreiter and Schmidhuber, 1997) over the source.

    Each is a module of its own, so that dropout between them draws from torch's generator on a GPU too.

    Args:
        embedding: of the source, (V, E).
        spec: what the layers are like.
        cells: number of cells of a decoder's layer; where the encoder gives another, linear layers stand between.
        bidirectional: whether each layer reads from right to left too (Schuster and Paliwal, 1997).
    """

    # There is nothing to add: layers are functions of cuDNN's or of oneDNN's, which torch.compile would stop at, each.
    left_to_python = LeftToPython.all

    def __init__(self, embedding: nn.Embedding, spec: RecurrentSpec, cells: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.embedding = embedding
        self.out_dim = spec.hidden_size * (2 if bidirectional else 1)
        input_dims = [embedding.embedding_dim, *[self.out_dim] * (spec.layers - 1)]
        self.layers = nn.ModuleList(
            nn.LSTM(input_dim, spec.hidden_size, bidirectional=bidirectional) for input_dim in input_dims
        )
        self.dropout_in, self.dropout_out = Dropout(spec.dropout_in), Dropout(spec.dropout_out)
        fits = cells == self.out_dim
        self.hidden_proj = nn.Identity() if fits else Linear(self.out_dim, cells)
        self.memory_proj = nn.Identity() if fits else Linear(self.out_dim, cells)

    def forward(self, tokens: Tensor, lengths: Tensor) -> RecurrentSource:
        """Read tokens (B, S) of these lengths (B,), at least 1; a GPU is waited for, to learn them.

        Only what is no padding is computed.
        """
        embedded = self.dropout_in(self.embedding(tokens))
        x = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        cells = []
        for layer in self.layers:
            x, (hidden, memory) = layer(x)
            x = x._replace(data=self.dropout_out(x.data))
            cells.append(Cells(self.hidden_proj(_joined(hidden)), self.memory_proj(_joined(memory))))
        # In the order of the packed rows: to put them back, pad_packed_sequence would wait for the GPU again.
        features, _ = pad_packed_sequence(PackedSequence(x.data, x.batch_sizes), True, total_length=tokens.size(1))
        return RecurrentSource(features[x.unsorted_indices], padding_mask(tokens, lengths), cells)


def _joined(directions: Tensor) -> Tensor:
    """Return the cells of all directions (1 or 2, B, H) side by side, (B, 1 or 2 H)."""
    return directions.transpose(0, 1).flatten(1)
