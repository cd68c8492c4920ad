import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch._dynamo.eval_frame import is_dynamo_supported
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from seqtrain.nn.chunked_cross_entropy import (
    CrossEntropySums,
    Options,
    cross_entropy,
    projected_cross_entropy,
)
from seqtrain.nn.linear_cross_entropy import linear_cross_entropy

N, D, V = 23, 5, 11


class Inputs:
    """Features, weight and bias that require a gradient, and a target."""

    def __init__(self, dtype: torch.dtype = torch.float64, bias: bool = True) -> None:
        generator = torch.Generator().manual_seed(5)

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()

        self.features, self.weight = random(N, D), random(V, D)
        self.bias = random(V) if bias else None
        self.target = torch.randint(V, (N,), generator=generator)

    def project(self, features: Tensor) -> Tensor:
        return functional.linear(features, self.weight, self.bias)

    def plain(self, options: Options) -> CrossEntropySums:
        return cross_entropy(self.project(self.features), self.target, options)

    def linear(self, options: Options) -> CrossEntropySums:
        return linear_cross_entropy(self.features, self.weight, self.bias, self.target, options)

    def projected(self, options: Options) -> CrossEntropySums:
        return projected_cross_entropy(self.project, self.features, self.target, options)

    def gradients(self, loss: Tensor) -> tuple[Tensor, ...]:
        inputs = [x for x in (self.features, self.weight, self.bias) if x is not None]
        return torch.autograd.grad(loss, inputs)


Compute = Callable[[Inputs, Options], CrossEntropySums]
CHUNKED = [Inputs.linear, Inputs.projected]


def expected_distribution(target: Tensor, label_smoothing: float) -> Tensor:
    """What the loss expects (N, V), written out."""
    expected = torch.full((len(target), V), label_smoothing / (V - 1), dtype=torch.float64)
    expected[range(len(target)), target] = 1 - label_smoothing
    return expected


def test_by_hand() -> None:
    # logits log 1, log 2, log 1 of 4 and log 6, log 1, log 1 of 8; smoothing 0.2, so 0.1 for each other symbol
    logits = torch.tensor([[1.0, 2.0, 1.0], [6.0, 1.0, 1.0]]).log()
    sums = cross_entropy(logits, torch.tensor([1, 2]), Options(0.2, count_correct=True))
    nll = -math.log(2 / 4) - math.log(1 / 8)
    loss = -(0.8 * math.log(2 / 4) + 0.2 * math.log(1 / 4)) - (
        0.8 * math.log(1 / 8) + 0.1 * math.log(6 / 8) + 0.1 * math.log(1 / 8)
    )
    assert sums.nll.item() == pytest.approx(nll, rel=1e-6)
    assert sums.loss.item() == pytest.approx(loss, rel=1e-6)
    assert sums.correct.item() == 1


def test_the_z_loss_by_hand() -> None:
    # the logits' exponentials add up to 4 and to 8
    logits = torch.tensor([[1.0, 2.0, 1.0], [6.0, 1.0, 1.0]]).log()
    plain, sums = (cross_entropy(logits, torch.tensor([1, 2]), Options(z_loss=z)) for z in (0.0, 0.1))
    z_loss = 0.1 * (math.log(4) ** 2 + math.log(8) ** 2)
    assert plain.z_loss.item() == 0.0
    assert sums.z_loss.item() == pytest.approx(z_loss, rel=1e-6)
    assert sums.loss.item() == pytest.approx(plain.loss.item() + z_loss, rel=1e-6)
    assert sums.nll.item() == plain.nll.item()


@pytest.mark.parametrize("z_loss", [0.0, 0.3])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("compute", [Inputs.plain, *CHUNKED])
def test_the_loss_is_the_cross_entropy_with_the_distribution_it_expects(
    compute: Compute, label_smoothing: float, z_loss: float
) -> None:
    inputs = Inputs()
    sums = compute(inputs, Options(label_smoothing, chunk_rows=8, z_loss=z_loss))
    logits = inputs.project(inputs.features)
    log_probs = functional.log_softmax(logits, dim=1)
    of_z = z_loss * logits.exp().sum(dim=1).log().square().sum()
    loss = of_z - (expected_distribution(inputs.target, label_smoothing) * log_probs).sum()
    torch.testing.assert_close(sums.loss, loss, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(sums.z_loss, of_z.detach(), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(sums.nll, functional.nll_loss(log_probs, inputs.target, reduction="sum"))
    for found, expected in zip(inputs.gradients(sums.loss), inputs.gradients(loss), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("chunk_rows", [1, 2, 8, 22, 23, 24, 512])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("compute", CHUNKED)
def test_whatever_the_chunks_it_is_the_plain_loss(compute: Compute, bias: bool, chunk_rows: int) -> None:
    inputs = Inputs(torch.float32, bias)
    options = Options(0.1, count_correct=True, chunk_rows=chunk_rows, z_loss=0.2)
    found, expected = compute(inputs, options), inputs.plain(options)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    pairs = zip(inputs.gradients(found.loss), inputs.gradients(expected.loss), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [Options(), Options(0.3), Options(z_loss=0.2), Options(0.3, z_loss=0.2)])
def test_gradients_agree_with_finite_differences(options: Options) -> None:
    inputs = Inputs()
    options = options._replace(chunk_rows=8)

    def loss(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return linear_cross_entropy(features, weight, bias, inputs.target, options).loss

    assert inputs.bias is not None
    assert torch.autograd.gradcheck(loss, (inputs.features, inputs.weight, inputs.bias))


def test_gradients_are_scaled_by_the_incoming_one_each_time() -> None:
    inputs = Inputs()
    loss = inputs.linear(Options(chunk_rows=8)).loss
    once = torch.autograd.grad(loss, inputs.weight, retain_graph=True)[0]
    thrice = torch.autograd.grad(3 * loss, inputs.weight, retain_graph=True)[0]
    torch.testing.assert_close(thrice, 3 * once)
    torch.testing.assert_close(torch.autograd.grad(loss, inputs.weight)[0], once)


@pytest.mark.parametrize("compute", [Inputs.plain, *CHUNKED])
def test_only_the_loss_has_a_gradient(compute: Compute) -> None:
    loss, *others = compute(Inputs(), Options(0.1, count_correct=True, chunk_rows=8, z_loss=0.2))
    assert loss.requires_grad
    assert not any(number.requires_grad for number in others)


@pytest.mark.parametrize("frozen", ["features", "weight", "bias"])
def test_what_is_frozen_gets_no_gradient(frozen: str) -> None:
    inputs, free = Inputs(), Inputs()
    getattr(inputs, frozen).requires_grad_(False)
    inputs.linear(Options(0.1, chunk_rows=8)).loss.backward()  # type: ignore[no-untyped-call]  # torch's
    free.linear(Options(0.1, chunk_rows=8)).loss.backward()  # type: ignore[no-untyped-call]  # torch's
    for name in ("features", "weight", "bias"):
        expected = None if name == frozen else getattr(free, name).grad
        torch.testing.assert_close(getattr(inputs, name).grad, expected)


class Sizes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Notes the largest tensor that any operation returns, and the names of the operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.largest = 0
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204  # torch's
        result = func(*args, **(kwargs or {}))
        self.names.append(func.name())
        outputs = result if isinstance(result, (tuple, list)) else [result]
        self.largest = max([self.largest, *(x.numel() for x in outputs if isinstance(x, Tensor))])
        return result


@pytest.mark.parametrize("compute", CHUNKED)
def test_the_logits_are_never_held_whole(compute: Compute) -> None:
    inputs = Inputs()
    with Sizes() as sizes:
        compute(inputs, Options(0.1, chunk_rows=8, z_loss=0.2)).loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert sizes.largest <= max(8 * V, N * D, V * D)


def test_without_gradients_none_are_computed() -> None:
    inputs = Inputs()
    with Sizes() as sizes:
        inputs.linear(Options(0.1, chunk_rows=8))
    with torch.no_grad(), Sizes() as fewer:
        loss = inputs.linear(Options(0.1, chunk_rows=8)).loss
    assert not loss.requires_grad
    assert sizes.names.count("aten::scatter_add_") == 3  # chunks
    assert "aten::scatter_add_" not in fewer.names
    assert products(fewer.names) == products(sizes.names) / 3


def products(names: Sequence[str]) -> int:
    """The number of matrix products."""
    return sum(name in ("aten::mm", "aten::addmm", "aten::addmm_", "mkldnn::_linear_pointwise") for name in names)


@pytest.mark.parametrize("compute", [Inputs.plain, *CHUNKED])
def test_no_tokens_at_all(compute: Compute) -> None:
    inputs = Inputs()
    with torch.no_grad():
        inputs.features = inputs.features[:0]
    inputs.features.requires_grad_()
    inputs.target = inputs.target[:0]
    sums = compute(inputs, Options(0.1, count_correct=True, z_loss=0.2))
    assert [number.item() for number in sums] == [0.0, 0.0, 0.0, 0.0]
    assert not any(gradient.any() for gradient in inputs.gradients(sums.loss))


@pytest.mark.parametrize("compute", CHUNKED)
def test_autocast_multiplies_in_bf16_and_sums_in_fp32(compute: Compute) -> None:
    inputs = Inputs(torch.float32)
    exact = inputs.plain(Options(0.1))
    with torch.autocast("cpu", torch.bfloat16):
        sums = compute(inputs, Options(0.1, chunk_rows=8))
        plain = inputs.plain(Options(0.1))
    assert sums.loss.dtype == torch.float32
    assert sums.loss.item() != exact.loss.item()
    torch.testing.assert_close(sums.loss, plain.loss, rtol=1e-3, atol=0.0)
    torch.testing.assert_close(sums.loss, exact.loss, rtol=1e-2, atol=0.0)
    for found, expected in zip(inputs.gradients(sums.loss), inputs.gradients(exact.loss), strict=True):
        assert found.dtype == torch.float32
        assert (found - expected).norm() < 0.02 * expected.norm()


def test_a_model_in_bf16_gets_gradients_in_bf16() -> None:
    inputs, exact = Inputs(torch.bfloat16), Inputs(torch.float64)
    loss = inputs.linear(Options(0.1, chunk_rows=8)).loss
    assert loss.dtype == torch.float32
    expected_loss = exact.plain(Options(0.1)).loss
    for found, expected in zip(inputs.gradients(loss), exact.gradients(expected_loss), strict=True):
        assert found.dtype == torch.bfloat16
        assert (found - expected).norm() < 0.03 * expected.norm()


def test_large_logits_do_not_overflow() -> None:
    features = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    weight = torch.tensor([[1.0], [-1.0]], requires_grad=True)
    sums = linear_cross_entropy(features, weight, None, torch.tensor([0, 0]))
    assert sums.loss.item() == 2e4
    assert cross_entropy(features.detach() @ weight.t(), torch.tensor([0, 0]), Options(z_loss=1.0)).z_loss.item() == 2e8
    gradient = torch.autograd.grad(sums.loss, features)[0]
    torch.testing.assert_close(gradient, torch.tensor([[0.0], [-2.0]]))


@pytest.mark.parametrize("compute", CHUNKED)
def test_compiled_it_holds_the_logits_whole(compute: Compute, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = Inputs()
    expected = inputs.gradients(inputs.plain(Options(0.1)).loss)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with Sizes() as sizes:
        loss = compute(inputs, Options(0.1, chunk_rows=8)).loss
    assert sizes.largest == N * V
    for found, gradient in zip(inputs.gradients(loss), expected, strict=True):
        torch.testing.assert_close(found, gradient)


@pytest.mark.slow
@pytest.mark.skipif(not is_dynamo_supported(), reason="torch.compile does not work here")
@pytest.mark.parametrize("options", [Options(), Options(0.1), Options(z_loss=0.1)])
@pytest.mark.filterwarnings("ignore")  # such as hints to speed
def test_what_is_simplified_has_a_gradient(options: Options) -> None:
    inputs = Inputs(torch.float32)
    torch._dynamo.reset()
    loss = torch.compile(inputs.linear)(options).loss
    for found, gradient in zip(inputs.gradients(loss), inputs.gradients(inputs.plain(options).loss), strict=True):
        torch.testing.assert_close(found, gradient)
    torch._dynamo.reset()


@pytest.mark.parametrize("level", [20.0, 100.0])
def test_the_nll_of_a_model_that_is_sure_is_exact(level: float) -> None:
    # of 512 tokens the target is ahead of 10 other symbols by 14: log(1 + 10 exp(-14)) each
    weight = torch.full((V, 1), level - 14)
    weight[3] = level
    sums = linear_cross_entropy(torch.ones(512, 1), weight, None, torch.full((512,), 3))
    assert sums.nll.item() == pytest.approx(512 * math.log1p(10 * math.exp(-14)), rel=0.02)


@pytest.mark.parametrize("compute", [Inputs.plain, *CHUNKED])
def test_a_loss_can_be_added_to_in_place(compute: Compute) -> None:
    inputs = Inputs()
    loss = compute(inputs, Options()).loss
    expected = inputs.gradients(loss)
    again = compute(inputs, Options()).loss
    again += 1
    torch.testing.assert_close(inputs.gradients(again), expected)
