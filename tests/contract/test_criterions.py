"""Every registered criterion passes the checks that ``seqtrain.testing.criterions`` offers for plug-ins."""

from typing import Any

import pytest

from seqtrain.config import CriterionConfig
from seqtrain.criterions import REGISTRY
from seqtrain.plugins import import_builtin
from seqtrain.testing.configs import default_config
from seqtrain.testing.criterions import CHECKS
from seqtrain.testing.guarantees import Check
from seqtrain.testing.toy import toy_task

import_builtin()

NEEDED: dict[str, dict[str, Any]] = {"knowledge_distillation": {"teacher": "a teacher is given to it"}}
"""What has no default."""

OTHER_VALUES: dict[str, dict[str, Any]] = {
    "label_smoothed_cross_entropy": {"label_smoothing": 0.2, "z_loss": 0.05, "report_accuracy": True},
    "ctc": {"zero_infinity": True},
    "knowledge_distillation": {"temperature": 2.0, "z_loss": 0.05},
    "label_smoothed_cross_entropy_with_rdrop": {"rdrop_alpha": 5.0, "z_loss": 0.05},
}
"""What a criterion computes only when asked."""

CONFIGS = [*((name, dict[str, Any]()) for name in REGISTRY.names()), *OTHER_VALUES.items()]


@pytest.mark.parametrize(("name", "values"), CONFIGS)
@pytest.mark.parametrize("check", CHECKS)
def test_criterion(check: Check, name: str, values: dict[str, Any]) -> None:
    cfg = default_config(REGISTRY.entry(name).config_type, **NEEDED.get(name, {}), **values)
    assert isinstance(cfg, CriterionConfig)
    check(cfg, toy_task())
