"""Whose the parts of a ``net_input`` are."""

from collections.abc import Mapping

from torch import Tensor


def source_of(net_input: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the encoder sees: the keys that begin with ``source_``; all others are the search's."""
    return {name: x for name, x in net_input.items() if name.startswith("source_")}
