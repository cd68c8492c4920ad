import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqtrain.errors import ConfigError
from seqtrain.optimizers.adafactor import Adafactor, AdafactorConfig
from tests.unit.optimizers.reference import (
    Array,
    Update,
    assert_equal,
    by_formula,
    only_the_bias,
    trained,
)


def root_mean_square(value: Array) -> float:
    return float(np.sqrt((value**2).mean()))


def formula(cfg: AdafactorConfig, decay: float = 0.0) -> Update:
    """Algorithms 4 (matrices) and 5 (vectors) of the paper, with fairseq's settings."""

    def step(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
        if cfg.relative_step:
            lr *= min(1e-6 * n if cfg.warmup_init else 1e-2, 1 / math.sqrt(n))
        if cfg.scale_parameter:
            lr *= max(cfg.eps[1], root_mean_square(value))
        kept, square = 1 - n**cfg.decay_rate, gradient**2 + cfg.eps[0]
        if value.ndim == 2:
            state["row"] = kept * state.get("row", 0) + (1 - kept) * square.mean(1)
            state["column"] = kept * state.get("column", 0) + (1 - kept) * square.mean(0)
            mean_square = np.outer(state["row"], state["column"]) / state["row"].mean()
        else:
            mean_square = state["square"] = kept * state.get("square", 0) + (1 - kept) * square
        change = gradient / np.sqrt(mean_square)
        change *= lr / max(1.0, root_mean_square(change) / cfg.clip_threshold)
        if cfg.beta1 is not None:
            change = state["mean"] = cfg.beta1 * state.get("mean", 0) + (1 - cfg.beta1) * change
        moved: Array = value * (1 - decay * lr) - change
        return moved

    return step


@pytest.mark.parametrize(
    "cfg",
    [
        AdafactorConfig(lr=0.05),
        AdafactorConfig(lr=0.05, beta1=0.9, clip_threshold=0.5, decay_rate=-0.6, eps=[1e-3, 1e-3]),
        AdafactorConfig(lr=0.05, scale_parameter=True),
        AdafactorConfig(lr=1.0, scale_parameter=True, relative_step=True),
        AdafactorConfig(lr=1.0, relative_step=True, warmup_init=True),
    ],
    ids=["fairseq", "beta1", "scaled", "relative", "warm-up"],
)
def test_it_is_the_papers(cfg: AdafactorConfig) -> None:
    assert_equal(trained(cfg), by_formula(cfg.lr, formula(cfg)))


def test_decay_goes_by_the_parameters_own_rate() -> None:
    cfg = AdafactorConfig(lr=0.05, scale_parameter=True, weight_decay=0.2, decay_biases_and_norms=True)
    assert_equal(trained(cfg), by_formula(cfg.lr, formula(cfg, decay=0.2)))
    spared = trained(AdafactorConfig(lr=0.05, weight_decay=0.2))
    assert_equal(spared, only_the_bias(by_formula(0.05, formula(AdafactorConfig(lr=0.05)))))


def test_a_matrix_keeps_rows_and_columns_alone() -> None:
    weight = nn.Parameter(torch.ones(5, 3, 2))
    optimizer = Adafactor(AdafactorConfig(), [("weight", weight)])
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    shapes = {entry: tuple(tensor.shape) for entry, tensor in optimizer.state_dict().items()}
    assert shapes == {"weight.step": (), "weight.exp_avg_sq_row": (5, 3), "weight.exp_avg_sq_col": (5, 2)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"warmup_init": True}, "optimizer.warmup_init=true needs optimizer.relative_step=true"),
        ({"relative_step": True}, "optimizer.relative_step=true says the rate, and optimizer.lr=0.001 multiplies it"),
        ({"eps": [1e-30]}, "optimizer.eps=[1e-30] must be two numbers"),
        ({"decay_rate": 0.8}, "AdafactorConfig.decay_rate=0.8 must be below 0"),
    ],
)
def test_contradictions(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        AdafactorConfig(**values)
    assert message in str(error.value)
