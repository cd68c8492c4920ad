import pytest
import torch
from torch import nn

from seqtrain.nn.norm import Norm, RMSNorm, build_norm


def test_rms_norm_is_the_formula() -> None:
    norm, x = RMSNorm(6, eps=0.5), torch.randn(3, 6)
    nn.init.normal_(norm.weight)
    torch.testing.assert_close(norm(x), x / (x.square().mean(-1, keepdim=True) + 0.5).sqrt() * norm.weight)


def test_rms_norm_by_hand() -> None:
    # The mean square of (1, 7) is 25.
    out = build_norm(Norm.rms_norm, 2, eps=0.0)(torch.tensor([1.0, 7.0]))
    torch.testing.assert_close(out, torch.tensor([0.2, 1.4]))


@pytest.mark.parametrize("of_weight", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("of_input", [torch.float32, torch.bfloat16, torch.float16])
def test_rms_norm_loses_nothing_but_by_the_last_rounding(of_weight: torch.dtype, of_input: torch.dtype) -> None:
    norm, x = RMSNorm(64, eps=1e-5).to(of_weight), (300 * torch.randn(5, 64)).to(of_input)  # squares overflow fp16
    nn.init.normal_(norm.weight)
    exact = x.double() / (x.double().square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight.double()
    format = torch.promote_types(of_weight, of_input)
    out = norm(x)
    assert out.dtype == format
    torch.testing.assert_close(out.double(), exact, rtol=torch.finfo(format).eps, atol=1e-6)


def test_rms_norm_under_autocast_is_as_precise_as_its_weight() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert RMSNorm(4)(torch.ones(2, 4, dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize("bias", [False, True])
def test_layer_norm_has_a_bias_or_none(bias: bool) -> None:
    norm = build_norm(Norm.layer_norm, 4, eps=0.25, bias=bias)
    assert isinstance(norm, nn.LayerNorm)
    assert (norm.bias is not None, norm.eps) == (bias, 0.25)
