from typing import Any

import numpy as np
import torch
from torch import nn

from seqtrain.optimizers.lamb import LAMB, LAMBConfig
from tests.unit.optimizers.reference import Array, assert_equal, by_formula, only_the_bias, trained


def adam(gradient: Array, n: int, state: dict[str, Any]) -> Array:
    state["m"] = 0.8 * state.get("m", 0.0) + 0.2 * gradient
    state["v"] = 0.9 * state.get("v", 0.0) + 0.1 * gradient**2
    quotient: Array = state["m"] / (1 - 0.8**n) / (np.sqrt(state["v"] / (1 - 0.9**n)) + 1e-3)
    return quotient


def lamb(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
    """Algorithm 2 of the paper."""
    direction = adam(gradient, n, state) + 0.1 * value
    moved: Array = value - lr * np.linalg.norm(value) / np.linalg.norm(direction) * direction
    return moved


def adamw(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
    moved: Array = value - lr * adam(gradient, n, state)
    return moved


def test_it_is_the_papers() -> None:
    cfg = LAMBConfig(lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1)
    all_of_them = LAMBConfig(**{**vars(cfg), "decay_biases_and_norms": True, "adapt_biases_and_norms": True})
    assert_equal(trained(all_of_them), by_formula(0.05, lamb))


def test_vectors_are_neither_decayed_nor_adapted() -> None:
    found = trained(LAMBConfig(lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1))
    assert_equal(found, {**by_formula(0.05, lamb), **only_the_bias(by_formula(0.05, adamw))})


def test_a_parameter_of_zeros_moves() -> None:
    weight = nn.Parameter(torch.zeros(2, 2))
    optimizer = LAMB(LAMBConfig(lr=0.5, weight_decay=0.0), [("weight", weight)])
    weight.grad = torch.tensor([[1.0, -1.0], [2.0, 0.0]])
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([[-0.5, 0.5], [-0.5, 0.0]]), rtol=1e-4, atol=1e-4)
