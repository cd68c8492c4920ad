"""Linear layers whose weights lie in memory column by column, for decoding on a CPU by MKL.

A product x weight^T needs the weight (M, K) as (K, M). MKL rearranges one that lies row by row in each product, which
takes half of the time where x has 5 rows, and little where it has hundreds.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqtrain.nn.copies import Copier, ModuleT
from seqtrain.nn.device import device_of
from seqtrain.processor import is_intel

COLUMNS_ARE_AHEAD = is_intel() and torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]  # torch's
"""Whether this is a processor where that was measured."""


class ColumnsLinear(nn.Linear):
    """A linear layer with a copy of its weight, column by column.

    Args:
        linear: the layer; its parameters are shared, and changes of the weight have no effect here.
    """

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self._columns = linear.weight.detach().t().contiguous().t()

    def forward(self, x: Tensor) -> Tensor:
        """Return x weight^T + bias, x (..., K) to (..., M)."""
        return functional.linear(x, self._columns, self.bias)


def columns_first(model: ModuleT) -> ModuleT:
    """Return a copy of a model on a CPU whose linear layers are like this, or the model where that does not pay.

    It is made once, and again when the parameters have changed; all else is shared with the model.
    """
    return _copied(model) if COLUMNS_ARE_AHEAD and device_of(model).type == "cpu" else model


_copied = Copier(ColumnsLinear)
