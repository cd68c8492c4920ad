from typing import Any

import torch

from seqtrain.optimizers.nag import NAGConfig
from tests.unit.optimizers.reference import Array, assert_equal, by_formula, by_torch, trained


def test_it_is_torchs_without_decay() -> None:
    expected = by_torch(0.05, lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True))
    assert_equal(trained(NAGConfig(lr=0.05, momentum=0.9)), expected)


def test_it_is_fairseqs() -> None:
    """Its velocity holds the rate, and is corrected where the rate changes; decay is apart from the gradient."""

    def step(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
        velocity = state.get("velocity", 0.0) * lr / state.get("lr", lr)
        state["lr"], state["velocity"] = lr, 0.9 * velocity - lr * gradient
        moved: Array = value * (1 - lr * 0.1) + 0.9 * 0.9 * velocity - (1 + 0.9) * lr * gradient
        return moved

    cfg = NAGConfig(lr=0.05, momentum=0.9, weight_decay=0.1, decay_biases_and_norms=True)
    assert_equal(trained(cfg), by_formula(0.05, step))


def test_decay_spares_vectors() -> None:
    decayed, spared = trained(NAGConfig(weight_decay=0.5)), trained(NAGConfig())
    assert (decayed["layers.0.bias"] == spared["layers.0.bias"]).all()
    assert (decayed["layers.0.weight"] != spared["layers.0.weight"]).all()
