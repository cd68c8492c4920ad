import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from seqtrain.nn.dropout import Dropout


def seeded() -> None:
    torch.manual_seed(3)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_elements_are_dropped_at_the_rate_and_the_others_scaled(p: float) -> None:
    seeded()
    out = Dropout(p)(torch.ones(1000, 101))
    share = (out == 0).double().mean().item()
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / out.numel()) ** 0.5)
    kept = out[out != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)), rtol=2e-4, atol=0)  # 2^-16 / (1 - p)
    assert out.mean().item() == pytest.approx(1, abs=0.02)


def test_decisions_do_not_depend_on_each_other() -> None:
    seeded()
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).double()
    for distance in (1, 2, 3, 4, 8):  # four come from one random number
        together = (kept[:-distance] * kept[distance:]).mean().item()
        assert together == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / len(kept)) ** 0.5)


def test_the_gradient_passes_where_elements_did() -> None:
    seeded()
    x = torch.randn(7, 5, requires_grad=True)
    out = Dropout(0.4)(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad, (out / x).detach())


def test_the_seed_decides() -> None:
    dropout, x = Dropout(0.3), torch.ones(3, 7)
    seeded()
    first, second = dropout(x), dropout(x)
    seeded()
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


def test_what_is_computed_again_is_dropped_again() -> None:
    dropout, x = Dropout(0.5), torch.randn(3, 7, requires_grad=True)
    seeded()
    (expected,) = torch.autograd.grad(dropout(x).square().sum(), x)
    seeded()
    (found,) = torch.autograd.grad(checkpoint(lambda x: dropout(x).square(), x, use_reentrant=False).sum(), x)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("format", [torch.float32, torch.float64, torch.bfloat16])
def test_the_format_stays(format: torch.dtype) -> None:
    assert Dropout(0.3)(torch.ones(5, dtype=format)).dtype == format


@pytest.mark.parametrize(("p", "training"), [(0.0, True), (0.5, False), (1.0, True)])
def test_nothing_is_drawn_where_nothing_depends_on_chance(p: float, training: bool) -> None:
    dropout, x = Dropout(p).train(training), torch.randn(5)
    before = torch.get_rng_state()
    torch.testing.assert_close(dropout(x), nn.functional.dropout(x, p, training))
    if p != 1.0:
        assert torch.equal(torch.get_rng_state(), before)


def test_of_nothing() -> None:
    assert Dropout(0.5)(torch.ones(0, 3)).shape == (0, 3)


def test_functional_transforms_are_torchs() -> None:
    out = torch.func.vmap(Dropout(0.5), randomness="different")(torch.ones(4, 1000))
    assert 0.4 < (out == 0).double().mean().item() < 0.6
