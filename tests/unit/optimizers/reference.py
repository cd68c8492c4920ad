"""What optimizers are compared with: 20 updates of a matrix and a vector, and the same written in NumPy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from seqtrain.config import OptimizerConfig
from seqtrain.optimizers import REGISTRY, Optimizer
from seqtrain.plugins import import_builtin

import_builtin()

UPDATES = 20
Array = npt.NDArray[np.float64]
Update = Callable[[Array, Array, float, int, dict[str, Any]], Array]
"""Takes a value, its gradient, the rate, the number of the update from 1 and a state; returns the new value."""


def start() -> dict[str, Array]:
    """The matrix and the vector before the first update."""
    return {"layers.0.weight": np.linspace(-1, 2, 12).reshape(4, 3), "layers.0.bias": np.array([0.5, -1.5, 2.0, 0.1])}


def gradient(value: Array, n: int) -> Array:
    """Return a gradient that depends on the value and on the number of the update."""
    found: Array = 0.3 * value + np.cos(1.7 * n + np.arange(value.size)).reshape(value.shape)
    return found


def rate(lr: float, n: int) -> float:
    """Return a rate that changes from update to update."""
    return lr * (1 + 0.5 * math.sin(n))


def parameters() -> dict[str, nn.Parameter]:
    """The same as parameters."""
    return {name: nn.Parameter(torch.tensor(value)) for name, value in start().items()}


def update(optimizer: Optimizer, tensors: dict[str, nn.Parameter], n: int) -> None:
    """Do update number ``n``, from 1."""
    optimizer.lr = rate(optimizer.cfg.lr, n)
    set_gradients(tensors, n)
    optimizer.step()


def set_gradients(tensors: dict[str, nn.Parameter], n: int) -> None:
    for tensor in tensors.values():
        tensor.grad = torch.tensor(gradient(tensor.detach().numpy(), n))


def trained(cfg: OptimizerConfig) -> dict[str, Array]:
    """Return the values after 20 updates by a plug-in."""
    tensors = parameters()
    optimizer = REGISTRY.build(cfg, tensors.items())
    optimizer.train()
    for n in range(1, UPDATES + 1):
        update(optimizer, tensors, n)
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def by_torch(lr: float, build: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> dict[str, Array]:
    """Return the values after 20 updates by a class of torch, called as its documentation does."""
    tensors = parameters()
    optimizer = build(list(tensors.values()))
    for n in range(1, UPDATES + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate(lr, n)
        set_gradients(tensors, n)
        optimizer.step()
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def by_formula(lr: float, step: Update) -> dict[str, Array]:
    """Return the values after 20 updates by a formula."""
    values = start()
    for name in values:
        state: dict[str, Any] = {}
        for n in range(1, UPDATES + 1):
            values[name] = step(values[name], gradient(values[name], n), rate(lr, n), n, state)
    return values


def only_the_bias(values: dict[str, Array]) -> dict[str, Array]:
    return {name: value for name, value in values.items() if name.endswith("bias")}


def assert_equal(found: dict[str, Array], expected: dict[str, Array], tolerance: float = 1e-12) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
