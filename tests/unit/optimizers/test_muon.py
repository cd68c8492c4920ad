from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqtrain.config import ParameterGroupConfig
from seqtrain.errors import ConfigError
from seqtrain.optimizers.muon import AdjustRate, Muon, MuonConfig
from tests.unit.optimizers.reference import Array, assert_equal, by_formula, by_torch, only_the_bias, trained


def orthogonal(matrix: Array) -> Array:
    """Five rounds of the quintic Newton-Schulz iteration, with the author's coefficients."""
    wide = (matrix if len(matrix) <= matrix.shape[1] else matrix.T) / np.linalg.norm(matrix)
    for _ in range(5):
        gram = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * gram + 2.0315 * gram @ gram) @ wide
    found: Array = wide if len(matrix) <= matrix.shape[1] else wide.T
    return found


@pytest.mark.parametrize(("adjust", "factor"), [("match_rms_adamw", 0.2 * 4**0.5), ("original", (4 / 3) ** 0.5)])
def test_a_matrix_moves_by_the_papers_formula(adjust: str, factor: float) -> None:
    def step(value: Array, gradient: Array, lr: float, n: int, state: dict[str, Any]) -> Array:
        if value.ndim == 1:
            return value
        momentum = state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * gradient
        moved: Array = value * (1 - lr * 0.1) - lr * factor * orthogonal(0.9 * momentum + 0.1 * gradient)
        return moved

    found = trained(MuonConfig(lr=0.02, momentum=0.9, adjust_rate=AdjustRate(adjust)))["layers.0.weight"]
    moved = np.abs(found - by_formula(0.0, step)["layers.0.weight"]).max()
    assert np.abs(found - by_formula(0.02, step)["layers.0.weight"]).max() < 0.02 * moved  # torch computes it in bf16


def test_vectors_are_adamws() -> None:
    cfg = MuonConfig(lr=0.02, adamw_lr_scale=0.5, adamw_betas=[0.8, 0.9], adamw_eps=1e-3)
    expected = by_torch(0.01, lambda p: torch.optim.AdamW(p, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.0))
    assert_equal(trained(cfg), only_the_bias(expected))


NAMES = ["embed.weight", "layers.0.weight", "layers.0.bias", "output_projection.weight", "layers.1.kernel"]


def built(cfg: MuonConfig) -> Muon:
    shapes = [(5, 3), (3, 3), (3,), (5, 3), (3, 2, 2)]
    return Muon(cfg, [(n, nn.Parameter(torch.ones(shape))) for n, shape in zip(NAMES, shapes, strict=True)])


def of_muon(optimizer: Muon) -> list[str]:
    chosen = [p for group in optimizer.optimizer.param_groups if group["is_hidden"] for p in group["params"]]
    return [name for name, parameter in optimizer._parameters.items() if any(parameter is p for p in chosen)]


def test_only_matrices_within_layers_are_its_own() -> None:
    assert of_muon(built(MuonConfig())) == ["layers.0.weight"]


def test_another_pattern_leaves_it_others() -> None:
    assert of_muon(built(MuonConfig(adamw_pattern="output"))) == ["embed.weight", "layers.0.weight"]


def test_rates_and_decays() -> None:
    groups = [ParameterGroupConfig(pattern="output", lr_scale=3.0)]
    optimizer = built(MuonConfig(lr=1.0, weight_decay=0.2, adamw_lr_scale=0.5, groups=groups))
    optimizer.lr = 0.1
    found = {id(p): (g["lr"], g["weight_decay"]) for g in optimizer.optimizer.param_groups for p in g["params"]}
    rates = [found[id(parameter)] for parameter in optimizer._parameters.values()]
    assert rates == [(0.05, 0.2), (0.1, 0.2), (0.05, 0.0), (pytest.approx(0.15), 0.2), (0.05, 0.2)]


@pytest.mark.parametrize("name", ["layers.0.weight", "embed.weight"])
def test_one_of_the_two_may_have_nothing(name: str) -> None:
    weight = nn.Parameter(torch.eye(2))
    optimizer = Muon(MuonConfig(), [(name, weight)])
    weight.grad = torch.ones(2, 2)
    optimizer.step()
    assert not torch.equal(weight, torch.eye(2))
    optimizer.zero_grad()
    assert weight.grad is None


def test_wrong_patterns_and_betas() -> None:
    with pytest.raises(ConfigError, match=r"the pattern '\(' in optimizer\.adamw_pattern is no regular expression"):
        MuonConfig(adamw_pattern="(")
    with pytest.raises(ConfigError, match=r"optimizer\.adamw_betas=\[0\.9\] must be two numbers"):
        MuonConfig(adamw_betas=[0.9])
