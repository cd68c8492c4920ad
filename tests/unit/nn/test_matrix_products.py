from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from seqtrain.nn import matrix_products
from seqtrain.nn.linear import Linear
from seqtrain.nn.matrix_products import add_product, is_for_onednn, linear


@pytest.fixture(autouse=True)
def onednn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever processor the tests run on, products are given to oneDNN, which runs on all of them."""
    monkeypatch.setattr(matrix_products, "ONEDNN_IS_AHEAD", True)
    monkeypatch.setattr(matrix_products, "FEWEST", 0)
    yield


def random(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


INPUTS = {
    "rows": (random(5, 8), random(4, 8), random(4)),
    "no bias": (random(5, 8), random(4, 8), None),
    "sentences": (random(2, 3, 8), random(4, 8), random(4)),
    "heads": (random(3, 4, 5, 8).transpose(1, 2), random(4, 8), None),
    "transposed": (random(8, 5).t(), random(8, 4).t(), random(8)[::2]),
    "strided": (random(4, 3, 16)[:, ::2, ::2], random(4, 16)[:, ::2], random(4)),
    "expanded": (random(1, 8).expand(5, 8), random(4, 1).expand(4, 8), random(1).expand(4)),
    "nothing": (random(0, 8), random(4, 8), random(4)),
    "no inner dimension": (random(3, 0), random(4, 0), random(4)),
    "one row": (random(8), random(4, 8), random(4)),
    "double": (random(5, 8, dtype=torch.float64), random(4, 8, dtype=torch.float64), None),
}


@pytest.mark.parametrize("name", INPUTS)
def test_it_is_the_linear_map(name: str) -> None:
    given = [None if part is None else part.detach().clone().requires_grad_() for part in INPUTS[name]]
    x, weight, bias = given
    assert x is not None and weight is not None
    found, expected = linear(x, weight, bias), functional.linear(x, weight, bias)
    torch.testing.assert_close(found, expected)
    inputs = [part for part in given if part is not None]
    grad = random(*expected.shape).to(expected.dtype)
    for one, other in zip(
        torch.autograd.grad(found, inputs, grad), torch.autograd.grad(expected, inputs, grad), strict=True
    ):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        torch.testing.assert_close(linear(*INPUTS[name]), expected)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    x, weight, bias = random(5, 8), random(4, 8).requires_grad_(), random(4)
    linear(x, weight, bias).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    torch.testing.assert_close(weight.grad, x.sum(0).expand(4, 8))
    assert not linear(x, weight.detach(), bias).requires_grad
    with torch.no_grad():
        assert not linear(x, weight, bias).requires_grad


def test_gradients_have_gradients() -> None:
    x, weight = random(5, 8).requires_grad_(), random(4, 8).requires_grad_()

    def penalty(out: Tensor) -> tuple[Tensor, ...]:
        gradients = torch.autograd.grad(out.square().sum(), [x, weight], create_graph=True)
        return torch.autograd.grad(torch.cat(gradients).square().sum(), [x, weight])

    for found, expected in zip(penalty(linear(x, weight)), penalty(functional.linear(x, weight)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_gradients_that_are_laid_out_like_the_weight() -> None:
    layer = Linear(8, 4)
    layer(random(5, 8)).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.is_contiguous()


def test_functional_transforms() -> None:
    x, weight = random(5, 8), random(4, 8)
    found = torch.func.vmap(torch.func.grad(lambda row: linear(row[None], weight).square().sum()))(x)
    torch.testing.assert_close(found, 2 * (x @ weight.t()) @ weight)


def test_what_stays_with_torch() -> None:
    x, weight = random(5, 8), random(4, 8)
    assert is_for_onednn(x, weight)
    assert not is_for_onednn(x.double(), weight.double())
    assert not is_for_onednn(x.to("meta"), weight.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_for_onednn(x, weight)
        assert linear(x, weight).dtype == torch.bfloat16


def test_small_products_stay_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_products, "FEWEST", 160)
    assert is_for_onednn(random(5, 8), random(4, 8))
    assert is_for_onednn(random(1, 5, 8), random(4, 8))
    assert not is_for_onednn(random(4, 8), random(4, 8))


def test_torch_can_be_told_to_leave_onednn_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert not is_for_onednn(random(5, 8), random(4, 8))


@pytest.mark.parametrize("format", [torch.float32, torch.bfloat16])
def test_a_product_is_added_to_a_total(format: torch.dtype) -> None:
    x, weight, total = random(5, 8).to(format), random(4, 8).to(format), torch.ones(5, 4)
    add_product(total, x, weight)
    torch.testing.assert_close(total, 1 + (x @ weight.t()).float())


def test_the_layer_is_torchs_in_all_else() -> None:
    layer, other = Linear(8, 4), nn.Linear(8, 4)
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(random(5, 8)), other(random(5, 8)))
    assert isinstance(layer, nn.Linear)
