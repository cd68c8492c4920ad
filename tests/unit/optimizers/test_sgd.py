import pytest
import torch
from torch import nn

from seqtrain.errors import ConfigError
from seqtrain.optimizers.sgd import SGD, SGDConfig


def run(cfg: SGDConfig, gradients: list[float]) -> list[float]:
    """Values of a single parameter that starts at 1 after each update."""
    parameter = nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = SGD(cfg, [("weight", parameter)])
    values = []
    for gradient in gradients:
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        values.append(parameter.item())
    return values


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        (SGDConfig(lr=0.1), [0.8, 0.7]),
        # gradients 2 + 0.5, 1 + 0.375
        (SGDConfig(lr=0.1, weight_decay=0.5, decay_biases_and_norms=True), [0.75, 0.6125]),
        (SGDConfig(lr=0.1, momentum=0.5), [0.8, 0.6]),  # sums 2, 1 + 1
        (SGDConfig(lr=0.1, momentum=0.5, dampening=0.5), [0.8, 0.65]),  # sums 2 (the first is whole), 1 + 0.5
        (SGDConfig(lr=0.1, momentum=0.5, nesterov=True), [0.7, 0.5]),  # 2 + 0.5 * 2, 1 + 0.5 * 2
    ],
    ids=["plain", "weight_decay", "momentum", "dampening", "nesterov"],
)
def test_two_updates_by_hand(cfg: SGDConfig, expected: list[float]) -> None:
    assert run(cfg, [2.0, 1.0]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_first_gradient_that_comes_later(momentum: float) -> None:
    early, late = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = SGD(SGDConfig(lr=0.1, momentum=momentum), [("early", early), ("late", late)])
    assert bool(optimizer.optimizer.defaults["fused"]) == (momentum == 0)
    for parameter in (early, late):
        parameter.grad = torch.ones(1)
        optimizer.step()
    assert late.item() == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": -0.1}, "SGDConfig.lr=-0.1 must be at least 0"),
        ({"weight_decay": -0.1}, "SGDConfig.weight_decay=-0.1 must be at least 0"),
        ({"momentum": 1.0}, "SGDConfig.momentum=1.0 must be at least 0 and below 1"),
        ({"dampening": 1.5}, "SGDConfig.dampening=1.5 must be at least 0 and at most 1"),
        ({"nesterov": True}, "optimizer.nesterov=true needs an optimizer.momentum above 0 and optimizer.dampening=0"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "optimizer.nesterov=true needs an optimizer.momentum above 0 and optimizer.dampening=0",
        ),
    ],
)
def test_ranges(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        SGDConfig(**values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
