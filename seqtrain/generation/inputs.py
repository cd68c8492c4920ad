"""What the parts of a ``net_input`` are, and whose."""

from collections.abc import Mapping

import torch
from torch import Tensor

from seqtrain.base import Dictionary


def source_of(net_input: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the encoder sees: the keys that begin with ``source_``; all others are the search's."""
    return {name: x for name, x in net_input.items() if name.startswith("source_")}


def shifted_right(target: Tensor, start: int) -> Tensor:
    """Return what a decoder sees where it is to predict ``target`` (B, T), padded on the right: each token's previous.

    Args:
        target: ids.
        start: token that decoding starts from.
    """
    prev_tokens = torch.nn.functional.pad(target[:, :-1], (1, 0), value=start)
    return prev_tokens.masked_fill(target == Dictionary.pad, Dictionary.pad)
