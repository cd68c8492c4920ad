"""Tables of tokens, and the projection to a vocabulary that may be tied to one."""

from torch import nn

from seqtrain.nn.linear import Linear


def token_embedding(vocab_size: int, dim: int, pad: int | None) -> nn.Embedding:
    """Return a table (V, D) drawn from N(0, 1/D); the row of padding, if it has one, is zero and gets no gradient."""
    table = nn.Embedding(vocab_size, dim, padding_idx=pad)
    nn.init.normal_(table.weight, std=dim**-0.5)
    if pad is not None:
        nn.init.zeros_(table.weight.detach()[pad])
    return table


def output_projection(
    dim: int, vocab_size: int, tied_to: nn.Embedding | None = None, *, bias: bool = False
) -> nn.Linear:
    """Return the projection of features (..., D) to logits (..., V), with the weight of an embedding if tied to it.

    A bias is for one that is not tied.
    """
    projection = Linear(dim, vocab_size, bias=bias and not tied_to, device="meta" if tied_to else None)
    if tied_to is not None:
        projection.weight = tied_to.weight
    else:
        nn.init.normal_(projection.weight, std=dim**-0.5)
    return projection
