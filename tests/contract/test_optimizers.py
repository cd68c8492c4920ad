"""Every registered optimizer passes the checks that ``seqtrain.testing.optimizers`` offers for plug-ins."""

import pytest

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

VALUES = {
    "composite": {
        "parts": {
            "weights": CompositePartConfig("weight", MuonConfig(lr=0.02), InverseSqrtConfig(warmup_updates=4)),
            "biases": CompositePartConfig(None, AdamWConfig()),
        }
    }
}
"""What those are given whose defaults cannot be built."""


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_optimizer(check: Check, name: str) -> None:
    cfg = default_config(REGISTRY.entry(name).config_type, **VALUES.get(name, {}))
    assert isinstance(cfg, OptimizerConfig)
    check(cfg)
