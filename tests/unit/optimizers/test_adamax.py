from typing import Any

import numpy as np
import torch

from seqtrain.optimizers.adamax import AdamaxConfig
from tests.unit.optimizers.reference import Array, assert_equal, by_formula, by_torch, trained


def test_it_is_torchs_without_decay() -> None:
    expected = by_torch(0.05, lambda p: torch.optim.Adamax(p, betas=(0.8, 0.9), eps=1e-4))
    assert_equal(trained(AdamaxConfig(lr=0.05, betas=[0.8, 0.9], eps=1e-4)), expected)


def test_its_decay_is_apart_from_the_gradient() -> None:
    def step(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
        state["m"] = 0.8 * state.get("m", 0.0) + 0.2 * gradient
        state["u"] = np.maximum(0.9 * state.get("u", 0.0), np.abs(gradient) + 1e-8)
        moved: Array = value * (1 - lr * 0.1) - lr * state["m"] / (1 - 0.8**n) / state["u"]
        return moved

    cfg = AdamaxConfig(lr=0.05, betas=[0.8, 0.9], weight_decay=0.1, decay_biases_and_norms=True)
    assert_equal(trained(cfg), by_formula(0.05, step))


def test_decay_spares_vectors() -> None:
    decayed, spared = trained(AdamaxConfig(weight_decay=0.5)), trained(AdamaxConfig())
    assert np.array_equal(decayed["layers.0.bias"], spared["layers.0.bias"])
    assert (decayed["layers.0.weight"] != spared["layers.0.weight"]).all()
