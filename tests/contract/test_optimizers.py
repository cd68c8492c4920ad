"""Every registered optimizer passes the checks that ``seqtrain.testing.optimizers`` offers for plug-ins."""

from typing import Any

import pytest
import torch
from torch import nn

from seqtrain.config import OptimizerConfig
from seqtrain.lr_schedulers.inverse_sqrt import InverseSqrtConfig
from seqtrain.optimizers import REGISTRY
from seqtrain.optimizers.adamw import AdamWConfig
from seqtrain.optimizers.composite import CompositePartConfig
from seqtrain.optimizers.muon import MuonConfig
from seqtrain.plugins import import_builtin
from seqtrain.testing.configs import default_config
from seqtrain.testing.guarantees import Check
from seqtrain.testing.optimizers import CHECKS

import_builtin()

VALUES: dict[str, dict[str, Any]] = {
    "composite": {
        "parts": {
            "weights": CompositePartConfig(
                "weight", MuonConfig(lr=0.1, weight_decay=0.0), InverseSqrtConfig(warmup_updates=4)
            ),
            "biases": CompositePartConfig(None, AdamWConfig(lr=0.05)),
        }
    }
}
"""What those are given whose defaults cannot be built."""


SUITABLE: dict[str, dict[str, Any]] = {
    "adadelta": {"lr": 20.0},
    "adagrad": {"lr": 0.5},
    "composite": {},
    "lion": {"lr": 0.05},
    "nag": {"lr": 0.1, "momentum": 0.9},
    "schedule_free_adamw": {"lr": 0.2},
    "sgd": {"lr": 0.5},
}
"""What suits the problem below, where a rate of 0.1 does not."""


def config(name: str, **values: Any) -> OptimizerConfig:
    cfg = default_config(REGISTRY.entry(name).config_type, **VALUES.get(name, {}), **values)
    assert isinstance(cfg, OptimizerConfig)
    return cfg


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_optimizer(check: Check, name: str) -> None:
    check(config(name))


@pytest.mark.parametrize("name", REGISTRY.names())
def test_it_reaches_the_optimum_of_a_convex_problem(name: str) -> None:
    """Least squares with a matrix and a bias, by a rate that falls to 0; what is evaluated counts."""
    torch.manual_seed(1)
    wanted, model = nn.Linear(3, 4), nn.Linear(3, 4)
    inputs = torch.randn(20, 3)
    target = wanted(inputs).detach()
    cfg = config(name, **SUITABLE.get(name, {"lr": 0.1}), **({} if name == "composite" else {"weight_decay": 0.0}))
    optimizer = REGISTRY.build(cfg, model.named_parameters())
    optimizer.train()
    rate, updates = optimizer.lr, 300
    first = nn.functional.mse_loss(model(inputs), target).item()
    for n in range(updates):
        optimizer.lr = rate * (1 - n / updates)
        optimizer.zero_grad()
        optimizer.backward(nn.functional.mse_loss(model(inputs), target))
        optimizer.step()
    optimizer.eval()
    assert nn.functional.mse_loss(model(inputs), target).item() < 1e-4 * first
