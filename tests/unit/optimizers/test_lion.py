from typing import Any

import numpy as np
import pytest

from seqtrain.errors import ConfigError
from seqtrain.optimizers.lion import LionConfig
from tests.unit.optimizers.reference import Array, assert_equal, by_formula, only_the_bias, trained


def test_it_is_the_papers() -> None:
    """Algorithm 2."""

    def step(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
        momentum = state.get("m", np.zeros_like(value))
        direction = np.sign(0.7 * momentum + 0.3 * gradient)
        state["m"] = 0.95 * momentum + 0.05 * gradient
        moved: Array = value - lr * (direction + decay * value)
        return moved

    decay = 0.2
    cfg = LionConfig(lr=0.05, betas=[0.7, 0.95], weight_decay=0.2, decay_biases_and_norms=True)
    assert_equal(trained(cfg), by_formula(0.05, step))
    spared, decay = trained(LionConfig(lr=0.05, betas=[0.7, 0.95], weight_decay=0.2)), 0.0
    assert_equal(spared, only_the_bias(by_formula(0.05, step)))


def test_two_betas() -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.betas=\[0\.9\] must be two numbers"):
        LionConfig(betas=[0.9])
