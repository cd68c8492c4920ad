import gc
import weakref

import pytest
import torch
from torch import nn

from seqtrain.errors import ConfigError
from seqtrain.nn.int8 import Int8Linear, in_int8, largest_weight, quantized_rows


class Tied(nn.Module):
    """A projection tied to its embedding, and a layer that is used under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.first = self.second = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.nothing: nn.Module | None = None
        self.projection = nn.Linear(16, 20, bias=False)
        self.projection.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.projection(self.second(self.first(self.embedding(tokens))))
        return out


@pytest.fixture
def linear() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(48, 24)


@torch.no_grad()
def test_rows_are_scaled_each_by_its_own_largest_number() -> None:
    integers, scales = quantized_rows(torch.tensor([[1.27, -0.5, 0.012], [-2.54, 0.03, 0.0]]), 127)
    assert integers.tolist() == [[127, -50, 1], [-127, 2, 0]]  # 0.012 / 0.01 = 1.2; 0.03 / 0.02 = 1.5, to even
    torch.testing.assert_close(scales, torch.tensor([[0.01], [0.02]]))


@torch.no_grad()
def test_the_products_are_those_of_the_integers(linear: nn.Linear) -> None:
    x = torch.randn(5, 48)
    inputs, input_scales = quantized_rows(x, 127)
    weights, weight_scales = quantized_rows(linear.weight, largest_weight())
    sums = inputs.long() @ weights.long().t()
    expected = sums.double() * input_scales.double() * weight_scales.double().t() + linear.bias.double()
    torch.testing.assert_close(Int8Linear(linear)(x).double(), expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("bias", [True, False])
def test_they_are_near_those_of_fp32(bias: bool) -> None:
    torch.manual_seed(1)
    linear, x = nn.Linear(64, 32, bias=bias), torch.randn(2, 7, 64)
    expected, found = linear(x), Int8Linear(linear)(x)
    assert found.shape == (2, 7, 32)
    assert 0 < (found - expected).norm() < 0.02 * expected.norm()


@torch.no_grad()
def test_the_largest_numbers_are_multiplied_exactly() -> None:
    ones = nn.Linear(512, 3)
    nn.init.ones_(ones.weight)
    torch.testing.assert_close(Int8Linear(ones)(torch.ones(2, 512)), 512 + ones.bias.expand(2, 3))
    torch.testing.assert_close(Int8Linear(ones)(-torch.ones(2, 512)), -512 + ones.bias.expand(2, 3))


@torch.no_grad()
def test_a_row_is_the_same_whatever_it_is_batched_with(linear: nn.Linear) -> None:
    layer, x = Int8Linear(linear), torch.randn(9, 48) * torch.logspace(-3, 3, 9)[:, None]
    assert torch.equal(torch.cat([layer(row[None]) for row in x]), layer(x))


@torch.no_grad()
def test_rows_and_weights_of_zeros(linear: nn.Linear) -> None:
    assert torch.equal(Int8Linear(linear)(torch.zeros(2, 48)), linear.bias.expand(2, 24))
    nn.init.zeros_(linear.weight)
    assert torch.equal(Int8Linear(linear)(torch.ones(2, 48)), linear.bias.expand(2, 24))
    assert Int8Linear(linear)(torch.ones(0, 48)).shape == (0, 24)


@torch.no_grad()
def test_the_copy_of_a_model_shares_its_tensors_and_leaves_it_as_it_is() -> None:
    model = Tied().eval()
    before, tokens = model(torch.arange(6)), torch.arange(6)
    copied = in_int8(model)
    assert not copied.training and copied.nothing is None
    assert isinstance(copied.projection, Int8Linear) and isinstance(copied.first[0], Int8Linear)
    assert copied.first is copied.second and copied.embedding.weight is copied.projection.weight
    assert [id(p) for p in copied.parameters()] == [id(p) for p in model.parameters()]
    assert torch.equal(model(tokens), before) and type(model.projection) is nn.Linear
    assert 0 < (copied(tokens) - before).norm() < 0.05 * before.norm()


@torch.no_grad()
def test_the_copy_is_made_anew_when_parameters_have_changed() -> None:
    model = Tied()
    copied = in_int8(model)
    assert in_int8(model) is copied
    model.embedding.weight.mul_(2)
    again = in_int8(model)
    assert again is not copied
    torch.testing.assert_close(again.projection(torch.ones(1, 16)), 2 * copied.projection(torch.ones(1, 16)))


def test_the_copy_goes_with_the_model() -> None:
    model = Tied()
    copied = weakref.ref(in_int8(model))
    del model
    gc.collect()
    assert copied() is None


class Scaled(nn.Linear):
    """A layer of a user's that does something else."""


def test_only_plain_layers_of_fp32_are_replaced() -> None:
    model = nn.ModuleList([nn.Linear(4, 4), Scaled(4, 4), nn.Linear(4, 4).double()])
    assert [type(layer) for layer in in_int8(model)] == [Int8Linear, Scaled, nn.Linear]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(4, 4, device="meta"), "int8 is for a CPU, and this model is on meta: leave it out, or set device"),
        (nn.Embedding(4, 4), "int8 is for linear layers, and this model has none: leave it out"),
    ],
    ids=["elsewhere", "no layer"],
)
def test_what_cannot_be_quantised_is_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        in_int8(model)


def test_without_onednn_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="needs oneDNN, and torch has none here"):
        in_int8(nn.Linear(4, 4))
