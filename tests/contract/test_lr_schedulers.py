"""Every registered scheduler passes the checks that ``seqtrain.testing.lr_schedulers`` offers for plug-ins."""

import pytest

from seqtrain.config import LRSchedulerConfig
from seqtrain.lr_schedulers import REGISTRY
from seqtrain.plugins import import_builtin
from seqtrain.testing.configs import default_config
from seqtrain.testing.guarantees import Check
from seqtrain.testing.lr_schedulers import CHECKS

import_builtin()


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_lr_scheduler(check: Check, name: str) -> None:
    cfg = default_config(REGISTRY.entry(name).config_type)
    assert isinstance(cfg, LRSchedulerConfig)
    check(cfg)
