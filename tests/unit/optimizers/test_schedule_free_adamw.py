from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqtrain.composition import compose
from seqtrain.errors import ConfigError
from seqtrain.optimizers.schedule_free_adamw import ScheduleFreeAdamW, ScheduleFreeAdamWConfig
from tests.unit.optimizers.reference import UPDATES, Array, assert_equal, by_formula, parameters, trained, update

CONFIG = ScheduleFreeAdamWConfig(
    lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1, decay_biases_and_norms=True, r=0.5
)


def averages(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
    """Algorithm 1 of the paper: x and z in the state, y as the value."""
    x, z = state.get("x", value), state.get("z", value)
    state["v"] = 0.9 * state.get("v", 0.0) + 0.1 * gradient**2
    state["largest"] = max(state.get("largest", 0.0), lr)
    weight = n**0.5 * state["largest"] ** 2
    state["sum"] = state.get("sum", 0.0) + weight
    state["z"] = z - lr * (gradient / (np.sqrt(state["v"] / (1 - 0.9**n)) + 1e-3) + 0.1 * value)
    state["x"] = x + weight / state["sum"] * (state["z"] - x)
    y: Array = 0.2 * state["z"] + 0.8 * state["x"]
    return y


def built(steps: int = 3) -> tuple[ScheduleFreeAdamW, dict[str, nn.Parameter]]:
    tensors = parameters()
    optimizer = ScheduleFreeAdamW(CONFIG, tensors.items())
    optimizer.train()
    for n in range(1, steps + 1):
        update(optimizer, tensors, n)
    return optimizer, tensors


def values(tensors: dict[str, nn.Parameter]) -> dict[str, Array]:
    return {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}


def test_training_holds_the_papers_y() -> None:
    assert_equal(trained(CONFIG), by_formula(0.05, averages), tolerance=1e-10)


def test_evaluation_holds_the_papers_x() -> None:
    states: dict[int, dict[str, Any]] = {}

    def step(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
        states[value.size] = state
        return averages(value, gradient, lr, n, state)

    by_formula(0.05, step)
    optimizer, tensors = built(UPDATES)
    optimizer.eval()
    assert_equal(values(tensors), {name: states[t.numel()]["x"] for name, t in tensors.items()}, tolerance=1e-10)


def test_evaluating_changes_no_bit_of_training() -> None:
    (optimizer, tensors), (other, others) = built(), built()
    for _ in range(3):
        optimizer.eval()
        optimizer.eval()
        optimizer.train()
        optimizer.train()
    assert_equal(values(tensors), values(others), tolerance=0)
    update(optimizer, tensors, 4)
    update(other, others, 4)
    assert_equal(values(tensors), values(others), tolerance=0)


def test_what_is_saved_while_evaluating_goes_on_exactly() -> None:
    optimizer, tensors = built()
    expected = values(tensors)
    optimizer.eval()
    average = values(tensors)
    assert all((average[name] != expected[name]).all() for name in average)
    saved = {entry: tensor.clone() for entry, tensor in optimizer.state_dict().items()}
    others = {name: nn.Parameter(torch.tensor(value)) for name, value in average.items()}
    resumed = ScheduleFreeAdamW(CONFIG, others.items())
    resumed.load_state_dict(saved)
    assert_equal(values(others), average, tolerance=0)
    resumed.train()
    assert_equal(values(others), expected, tolerance=0)
    optimizer.train()
    for n in range(4, 8):
        update(optimizer, tensors, n)
        update(resumed, others, n)
    assert_equal(values(others), values(tensors), tolerance=0)


def test_going_back_forgets_what_came_after() -> None:
    optimizer, tensors = built(0)
    optimizer.eval()
    at_first = {entry: tensor.clone() for entry, tensor in optimizer.state_dict().items()}
    before = values(tensors)
    optimizer.train()
    update(optimizer, tensors, 1)
    first = values(tensors)
    optimizer.eval()
    for name, tensor in tensors.items():
        tensor.data.copy_(torch.tensor(before[name]))
    optimizer.load_state_dict(at_first)
    optimizer.train()
    update(optimizer, tensors, 1)
    assert_equal(values(tensors), first, tolerance=0)


def test_a_parameter_without_gradient_stays_where_it_is() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.full((3,), 0.1))
    optimizer = ScheduleFreeAdamW(ScheduleFreeAdamWConfig(), [("used", used), ("unused", unused)])
    used.grad = torch.ones(2)
    optimizer.step()
    optimizer.eval()
    optimizer.train()
    assert torch.equal(unused.detach(), torch.full((3,), 0.1))
    assert not torch.equal(used.detach(), torch.ones(2))


def test_the_rate_does_not_fall_to_the_end_as_well() -> None:
    alone = ["optimizer=schedule_free_adamw"]
    part = ["optimizer=composite", "+optimizer@optimizer.parts.a.optimizer=schedule_free_adamw"]
    for chosen in (alone, part):
        with pytest.raises(ConfigError, match=r"lr_scheduler=polynomial_decay lets the rate fall too: set lr_schedul"):
            compose(chosen)
    for schedule in ("fixed", "inverse_sqrt", "pass_through"):
        compose([*alone, f"lr_scheduler={schedule}"])
