"""Every registered task passes the checks that ``seqtrain.testing.tasks`` offers for plug-ins."""

import pytest

from seqtrain.config import TaskConfig
from seqtrain.plugins import import_builtin
from seqtrain.tasks import REGISTRY
from seqtrain.testing.guarantees import Check
from seqtrain.testing.tasks import CHECKS, small_corpus

import_builtin()

SMALL = {"language_modeling": {"tokens_per_sample": 40}}
"""Values that make small data many batches; other tasks are checked with their defaults."""


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_task(check: Check, name: str) -> None:
    cfg = REGISTRY.entry(name).config_type(**SMALL.get(name, {}))
    assert isinstance(cfg, TaskConfig)
    with small_corpus(cfg) as small:
        check(small)
