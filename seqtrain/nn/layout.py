"""Who attends to whom in self attention, and where tokens stand: found once a pass, for all layers."""

from typing import NamedTuple

import torch
from torch import Tensor

from seqtrain.nn.alibi import alibi_bias
from seqtrain.nn.positions import Positions
from seqtrain.nn.rotary import Rotation, rotation
from seqtrain.nn.spec import LayerSpec


class Layout(NamedTuple):
    """What self attention of T tokens to S needs to know of them; by default each attends to all."""

    causal: bool = False
    """Each attends to itself and to what was before; then T = S and there is no mask."""
    mask: Tensor | None = None
    """True where attention may go, or numbers to add to scores; can be expanded to (B, H, T, S)."""
    rotation: Rotation | None = None
    """By how much queries and keys are rotated."""


def full_layout(spec: LayerSpec, padding_mask: Tensor) -> Layout:
    """Return the layout of an encoder: all attend to all but padding (B, S)."""
    length, device = padding_mask.size(1), padding_mask.device
    visible = ~padding_mask[:, None, None]  # (B, 1, 1, S)
    return Layout(mask=_biased(spec, visible, 0, length), rotation=_rotation(spec, 0, length, device))


def causal_layout(
    spec: LayerSpec, length: int, device: torch.device, *, start: int = 0, documents: Tensor | None = None
) -> Layout:
    """Return the layout of a decoder.

    No padding is masked: it stands on the right, after all that may be attended to.

    Args:
        spec: What the layers are like.
        length: How many tokens attend, T.
        device: Where to compute.
        start: How many came before, which they attend to as well: S = start + T.
        documents: Numbers (B, T), rising, of the documents that tokens belong to and that attention stays within.
            Rotary positions and ALiBi know only distances, which are the same wherever a document stands.
    """
    turned = _rotation(spec, start, length, device)
    if documents is None and spec.positions is not Positions.alibi:
        if length == 1:
            return Layout(rotation=turned)
        if start == 0:
            return Layout(causal=True, rotation=turned)
    positions = torch.arange(start + length, device=device)
    visible = positions <= positions[start:, None]  # (T, S)
    if documents is not None:
        visible = visible & (documents[:, None, :, None] == documents[:, None, None])  # (B, 1, T, T)
    return Layout(mask=_biased(spec, visible, start, length), rotation=turned)


def _rotation(spec: LayerSpec, start: int, length: int, device: torch.device) -> Rotation | None:
    if spec.positions is not Positions.rotary:
        return None
    return rotation(start, length, spec.head_dim, spec.rotary_base, device)


def _biased(spec: LayerSpec, visible: Tensor, start: int, length: int) -> Tensor:
    """Return the mask of what is visible, with ALiBi's bias where the layers have it."""
    if spec.positions is not Positions.alibi:
        return visible
    return alibi_bias(spec.heads, start, length, visible.device).masked_fill(~visible, -torch.inf)
