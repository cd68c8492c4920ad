"""What recurrent encoders and decoders share: what they are like, and what passes from one to the other."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from seqtrain.base import EncoderOutput
from seqtrain.nn.linear import Linear


class RecurrentSpec(NamedTuple):
    """What the layers of a side are like."""

    hidden_size: int
    """Number of cells H of a layer, in each direction that it reads in."""
    layers: int
    """Number of layers L."""
    dropout_in: float
    """Rate of dropout on embeddings."""
    dropout_out: float
    """Rate of dropout on the outputs of layers."""


class Cells(NamedTuple):
    """The cells of a layer, for N sequences."""

    hidden: Tensor
    """Their last output, (N, H)."""
    memory: Tensor
    """Their memory, (N, H)."""

    def rows(self, order: Tensor) -> "Cells":
        """Return the rows ``order`` (M,) of them."""
        return Cells(self.hidden[order], self.memory[order])


@dataclass(frozen=True)
class RecurrentSource(EncoderOutput):
    """A source that was read: the features of each position, and what the decoder begins with."""

    cells: list[Cells]
    """For each of the decoder's layers, B rows."""

    def reorder(self, order: Tensor) -> "RecurrentSource":
        """Return the sentences ``order`` (N,) of it."""
        return RecurrentSource(self.features[order], self.padding_mask[order], [x.rows(order) for x in self.cells])


def output_layer(hidden_size: int, out_dim: int, dropout: nn.Module) -> nn.Module:
    """Return what makes of outputs (..., H) what is projected, (..., D): a linear layer where these differ."""
    return nn.Identity() if out_dim == hidden_size else nn.Sequential(Linear(hidden_size, out_dim), dropout)
