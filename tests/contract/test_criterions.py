"""Every registered criterion passes the checks that ``seqtrain.testing.criterions`` offers for plug-ins."""

import pytest

from seqtrain.config import CriterionConfig
from seqtrain.criterions import REGISTRY
from seqtrain.plugins import import_builtin
from seqtrain.testing.configs import default_config
from seqtrain.testing.criterions import CHECKS
from seqtrain.testing.guarantees import Check
from seqtrain.testing.toy import toy_task

import_builtin()


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_criterion(check: Check, name: str) -> None:
    cfg = default_config(REGISTRY.entry(name).config_type)
    assert isinstance(cfg, CriterionConfig)
    check(cfg, toy_task())
