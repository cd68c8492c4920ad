import math

import pytest
import torch
from torch import nn

from seqtrain.errors import ConfigError
from seqtrain.optimizers.adam import Adam, AdamConfig


def run(cfg: AdamConfig, value: float, gradients: list[float]) -> list[float]:
    """Values of a single parameter after each update."""
    parameter = nn.Parameter(torch.tensor([value], dtype=torch.float64))
    optimizer = Adam(cfg, [("weight", parameter)])
    values = []
    for gradient in gradients:
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        values.append(parameter.item())
    return values


def test_the_first_update_is_the_rate_towards_the_gradients_sign() -> None:
    # m / (1 - 0.9) = 2 and v / (1 - 0.999) = 4: 2 / (sqrt(4) + 0)
    assert run(AdamConfig(lr=0.1, eps=1e-30), 1.0, [2.0]) == pytest.approx([0.9], rel=1e-12)


def test_two_updates_by_hand() -> None:
    # update 1: m = 0.5 * 1 = 0.5, v = 0.25 * 1 = 0.25, corrected 1 and 1
    # update 2: m = 0.25 + 0.5 * 3 = 1.75, v = 0.1875 + 0.25 * 9 = 2.4375, corrected by 0.75 and 0.4375
    first = 1 - 0.1 * 1 / (1 + 0.5)
    second = first - 0.1 * (7 / 3) / (math.sqrt(39 / 7) + 0.5)
    values = run(AdamConfig(lr=0.1, betas=[0.5, 0.75], eps=0.5), 1.0, [1.0, 3.0])
    assert values == pytest.approx([first, second], rel=1e-12)


def test_weight_decay_is_apart_from_the_gradient() -> None:
    # without a gradient the moments stay 0, and a parameter loses lr * weight_decay of itself
    assert run(AdamConfig(lr=0.1, weight_decay=0.5), 2.0, [0.0, 0.0]) == pytest.approx([1.9, 1.805], rel=1e-12)


def test_epsilon_is_added_after_the_correction() -> None:
    # fairseq: 0.1 * sqrt(0.02) / 0.1 * m / (sqrt(v) + eps), with m = 0.1 g and v = 0.02 g^2
    gradient, eps = 1e-4, 1e-4
    ours = run(AdamConfig(lr=0.1, betas=[0.9, 0.98], eps=eps), 0.0, [gradient])
    assert ours == pytest.approx([-0.1 * gradient / (gradient + eps)], rel=1e-12)
    fairseq = -0.1 * math.sqrt(0.02) / 0.1 * 0.1 * gradient / (math.sqrt(0.02) * gradient + eps)
    as_fairseq = run(AdamConfig(lr=0.1, betas=[0.9, 0.98], eps=eps / math.sqrt(0.02)), 0.0, [gradient])
    assert as_fairseq == pytest.approx([fairseq], rel=1e-12)


def test_it_is_fused_where_torch_can() -> None:
    optimizer = Adam(AdamConfig(), [("weight", nn.Parameter(torch.zeros(1)))])
    assert optimizer.optimizer.defaults["fused"]
    optimizer = Adam(AdamConfig(), [("weight", nn.Parameter(torch.zeros(1, device="meta")))])
    assert not optimizer.optimizer.defaults["fused"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lr", -0.1, "AdamConfig.lr=-0.1 must be at least 0"),
        ("lr", math.nan, "AdamConfig.lr=nan must be at least 0 and finite"),
        ("weight_decay", -1.0, "AdamConfig.weight_decay=-1.0 must be at least 0"),
        ("eps", 0.0, "AdamConfig.eps=0.0 must be above 0"),
        ("betas", [0.9], "optimizer.betas=[0.9] must be two numbers"),
        ("betas", [0.9, 1.0], "AdamConfig.betas=[0.9, 1.0] has numbers that must be at least 0 and below 1"),
    ],
)
def test_ranges(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        AdamConfig(**{key: value})  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
