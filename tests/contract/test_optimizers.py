"""Every registered optimizer passes the checks that ``seqtrain.testing.optimizers`` offers for plug-ins."""

import pytest

from seqtrain.config import OptimizerConfig
from seqtrain.optimizers import REGISTRY
from seqtrain.plugins import import_builtin
from seqtrain.testing.configs import default_config
from seqtrain.testing.guarantees import Check
from seqtrain.testing.optimizers import CHECKS

import_builtin()


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_optimizer(check: Check, name: str) -> None:
    cfg = default_config(REGISTRY.entry(name).config_type)
    assert isinstance(cfg, OptimizerConfig)
    check(cfg)
