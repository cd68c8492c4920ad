"""What self attention remembers of the tokens so far: their keys and values, in memory that grows with them."""

from typing import NamedTuple

import torch
from torch import Tensor

FIRST_SIZE = 16
"""Positions that there is room for at first."""


class KeysValues(NamedTuple):
    """What is attended to: keys and values of each of their heads, (B, H / G, S, K) both."""

    keys: Tensor
    values: Tensor


class Cache:
    """Keys and values of N hypotheses, those of a position side by side: (N, room, 2, H / G, K).

    The positions of a hypothesis stand together, and there is at most twice the room they take. So it is a few
    whole pieces of memory that are copied when hypotheses are reordered, and that attention reads.

    Args:
        empty: (N, 0, 2, H / G, K).
    """

    def __init__(self, empty: Tensor) -> None:
        self.length = 0
        self._memory = self._spare = empty

    def extend(self, new: KeysValues) -> KeysValues:
        """Add keys and values (N, H / G, P, K) of the next P positions; return those of all so far."""
        start, self.length = self.length, self.length + new.keys.size(2)
        self._reserve(self.length)
        for number, added in enumerate(new):
            self._memory[:, start : self.length, number] = added.transpose(1, 2)
        return self.filled

    @property
    def filled(self) -> KeysValues:
        """Keys and values so far, (N, H / G, length, K)."""
        keys, values = self._memory[:, : self.length].unbind(2)
        return KeysValues(keys.transpose(1, 2), values.transpose(1, 2))

    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (M,); M may differ from the number of rows so far."""
        if self._memory.requires_grad:  # what is there cannot be written into
            self._memory = self._memory.index_select(0, order)
            return
        target = self._spare[: len(order)]
        if len(target) < len(order) or target.size(1) < self.length:
            target = self._memory.new_empty(len(order), *self._memory.shape[1:])
        torch.index_select(self._memory[:, : self.length], 0, order, out=target[:, : self.length])
        self._memory, self._spare = target, self._memory

    def _reserve(self, length: int) -> None:
        """See that there is room for so many positions."""
        rows, room, *shape = self._memory.shape
        if length > room:
            grown = self._memory.new_empty(rows, max(length, 2 * room, FIRST_SIZE), *shape)
            grown[:, :room] = self._memory
            self._memory = grown
