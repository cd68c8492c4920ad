"""Dropout (Srivastava et al., 2014) whose random numbers are cheap on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn

GRAINS = 2**16
"""Rates are rounded to multiples of 1 / GRAINS: a random number has 16 bits."""


class Dropout(nn.Dropout):
    """``torch.nn.Dropout``; on a CPU with four decisions from one random number, and masks of a byte an element.

    torch draws a float for each element, which takes 7 % of an update of a small transformer.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Set elements of x to zero with probability ``p`` in training, and scale the others by 1 / (1 - p)."""
        if not self.training:
            return x  # torch's function returns it too, and takes its time
        dropped = round(self.p * GRAINS)
        if not 0 < dropped < GRAINS or not _is_plain(x):
            return super().forward(x)
        out: Tensor = _Dropout.apply(x, dropped)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return out


def _is_plain(x: Tensor) -> bool:
    """Whether x is a tensor of a CPU that nothing is tracing."""
    return (
        x.device.type == "cpu" and not torch.compiler.is_compiling() and not torch._C._are_functorch_transforms_active()
    )


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        kept = _random_bits(x) >= dropped - GRAINS // 2
        ctx.save_for_backward(kept)
        ctx.scale = GRAINS / (GRAINS - dropped)
        return x * _factors(kept, x, ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (grad,) = gradients
        (kept,) = ctx.saved_tensors
        return grad * _factors(kept, grad, ctx.scale), None


def _random_bits(x: Tensor) -> Tensor:
    """Return random numbers of 16 bits in the shape of x, from torch's generator."""
    of_four = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    return of_four.view(torch.int16)[: x.numel()].view(x.shape)


def _factors(kept: Tensor, x: Tensor, scale: float) -> Tensor:
    """Return what x is multiplied by: 0, or the scale where it is kept."""
    return kept.to(x.dtype).mul_(scale)
