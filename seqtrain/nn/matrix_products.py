"""Linear maps in fp32 on a CPU, by oneDNN where it is the faster of the two libraries that torch has for them.

torch gives these products to MKL, which uses AVX-512 on Intel's processors alone: on AMD's, oneDNN does them in half of
the time; on Intel's, MKL takes five sixths of oneDNN's. Both are exact to rounding. ``torch.backends.mkldnn.enabled =
False`` leaves all to MKL.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seqtrain.processor import is_intel

ONEDNN_IS_AHEAD = (
    torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch's
    and torch.backends.cpu.get_cpu_capability() == "AVX512"
    and not is_intel()
)
"""Whether oneDNN is there, and the processor one where it is the faster of the two."""
FEWEST = 2**20
"""Multiplications that a product has at least for oneDNN to be ahead: each call of it takes 10 us, one of MKL 2 us."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x weight^T + bias: x (..., K), weight (M, K), bias (M,) or None; (..., M)."""
    if not is_for_onednn(x, weight):
        return functional.linear(x, weight, bias)
    if torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in (x, weight, bias)):
        out: Tensor = _Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return out
    return _onednn_linear(x, weight, bias)


def add_product(total: Tensor, x: Tensor, weight: Tensor) -> None:
    """Add x weight^T, of (N, K) and (M, K), to a total (N, M), which may be of higher precision."""
    if total.dtype == x.dtype and not is_for_onednn(x, weight):
        total.addmm_(x, weight.t())
    else:
        total += linear(x, weight)


def is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether the product of x (..., K) and weight (M, K) is one that oneDNN does faster."""
    return (
        ONEDNN_IS_AHEAD
        and x.dim() > 1
        and weight.numel() > 0
        and x.numel() * weight.size(0) >= FEWEST
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and bool(torch.backends.mkldnn.enabled)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()  # the compiler chooses by itself
        and not torch._C._are_functorch_transforms_active()
    )


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _onednn_linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = gradients
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows = grad.flatten(0, -2)  # (N, M)
        return (
            linear(grad, weight.t()) if of_x else None,
            linear(x.flatten(0, -2).t(), rows.t()).t() if of_weight else None,  # so, oneDNN is faster than transposed
            rows.sum(dim=0) if of_bias else None,
        )


def _onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    bias = None if bias is None else bias.contiguous()  # of all three, it alone is read as if it were
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return out
