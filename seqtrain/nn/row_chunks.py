"""Sums over many rows, computed some rows at a time: what a chunk needs is forgotten, and computed again backward."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_ROWS = 512
"""Tokens whose logits are held at a time: enough for fast matrix products, few enough for a processor's cache."""


def sums_of_chunks(
    of_chunk: Callable[..., Sequence[Tensor]], *inputs: Tensor, rows: int = CHUNK_ROWS
) -> Sequence[Tensor]:
    """Return the sums, each (), that ``of_chunk`` gives for inputs (N, ...), as it gives them for ``rows`` of them.

    Under ``torch.compile`` all rows are one chunk: a loop would be compiled anew for each number of chunks.
    """
    if len(inputs[0]) <= rows or torch.compiler.is_compiling():
        return of_chunk(*inputs)
    chunks = zip(*(torch.split(x, rows) for x in inputs), strict=True)
    sums = [checkpoint(of_chunk, *chunk, use_reentrant=False) for chunk in chunks]
    return [torch.stack(parts).sum() for parts in zip(*sums, strict=True)]
