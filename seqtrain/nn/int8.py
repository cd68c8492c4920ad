"""Linear layers in 8-bit integers, for decoding on a CPU: a copy of a model that computes with them.

A weight has a scale for each of its rows, an input one for each of its own, measured as it comes. So what is computed
of a sentence does not depend on what it is batched with: the sums are of integers, and exact. The products are
oneDNN's, of unsigned inputs and signed weights. torch's own quantised tensors are deprecated, and not used.
"""

from functools import cache

import torch
from torch import Tensor, nn

from seqtrain.errors import ConfigError
from seqtrain.nn.copies import Copier, ModuleT, is_plain_linear
from seqtrain.nn.device import device_of

LARGEST = 127
"""Largest integer of an input, and of a weight where sums of products are exact."""
ZERO = 128
"""What stands for zero in unsigned inputs."""
SMALLEST_SCALE = 1e-30
"""For rows of zeros."""


class Int8Linear(nn.Linear):
    """A linear layer that multiplies 8-bit integers; it keeps the weight and bias that it was made of.

    Args:
        linear: the layer, on the CPU; its parameters are shared, and changes of them have no effect here.
    """

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        with torch.no_grad():
            integers, scales = quantized_rows(linear.weight, largest_weight())
            self._scales = scales.squeeze(1)
            self._shift = integers.sum(1) * self._scales * -ZERO  # takes out what ZERO adds to each sum
        self._packed = torch.ops.onednn.qlinear_prepack(integers, None)

    def forward(self, x: Tensor) -> Tensor:
        """Return x (..., D) times the weight, plus the bias, (..., F), in fp32."""
        integers, scales = quantized_rows(x.reshape(-1, self.in_features), LARGEST)
        unsigned = integers.view(torch.uint8).bitwise_xor_(ZERO)
        out = _products(unsigned, self._packed, self._scales, self._shift).mul_(scales)
        if self.bias is not None:
            out += self.bias
        return out.view(*x.shape[:-1], self.out_features)


def quantized_rows(x: Tensor, largest: int) -> tuple[Tensor, Tensor]:
    """Return rows (N, D) as integers up to ``largest``, and the scales (N, 1) to multiply them by."""
    scales = x.abs().amax(1, keepdim=True).div_(largest).clamp_(min=SMALLEST_SCALE)
    return (x * scales.reciprocal()).round_().to(torch.int8), scales


@cache
def largest_weight() -> int:
    """Return the largest integer that a weight may have here: CPUs without VNNI add two products in 16 bits."""
    inputs, weight = torch.full((1, 64), 255, dtype=torch.uint8), torch.full((16, 64), LARGEST, dtype=torch.int8)
    packed, ones = torch.ops.onednn.qlinear_prepack(weight, None), torch.ones(16)
    sums = _products(inputs, packed, ones, torch.zeros(16))
    return LARGEST if bool((sums == 64 * 255 * LARGEST).all()) else LARGEST // 2


def _products(unsigned: Tensor, packed: Tensor, scales: Tensor, shift: Tensor) -> Tensor:
    """Return integers (N, D) times a packed weight (F, D) and its scales (F,), plus a shift (F,): (N, F), in fp32."""
    zeros, plain = torch.zeros(len(scales), dtype=torch.int32), ("none", [None], "")
    out: Tensor = torch.ops.onednn.qlinear_pointwise(
        unsigned, 1.0, 0, packed, scales, zeros, shift, 1.0, 0, torch.float32, *plain
    )
    return out


def in_int8(model: ModuleT) -> ModuleT:
    """Return a copy of a model whose linear layers compute in 8 bits; all else is shared with the model.

    It is made once, and again when the parameters have changed.

    Raises:
        ConfigError: the model is not on a CPU or has no linear layer, or this torch has no such products.
    """
    _check(model)
    return _copied(model)


_copied = Copier(Int8Linear)


def _check(model: nn.Module) -> None:
    if (device := device_of(model).type) != "cpu":
        raise ConfigError(
            f"generation.quantize=int8 is for a CPU, and this model is on {device}: leave it out, or set device=cpu"
        )
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch's
        raise ConfigError("generation.quantize=int8 needs oneDNN, and torch has none here: leave it out")
    if not any(map(is_plain_linear, model.modules())):
        raise ConfigError("generation.quantize=int8 is for linear layers, and this model has none: leave it out")
