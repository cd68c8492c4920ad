"""What every registered scorer keeps to."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from seqtrain.composition import compose
from seqtrain.plugins import builtin_names, import_builtin
from seqtrain.scorers import REGISTRY
from seqtrain.testing.guarantees import Check, name_of
from seqtrain.testing.scorers import CHECKS

import_builtin()

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", REGISTRY.names())
def test_the_default_config_is_complete(name: str) -> None:
    assert name in builtin_names("scorer")
    assert not OmegaConf.missing_keys(OmegaConf.structured(REGISTRY.entry(name).config_type))


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
@pytest.mark.parametrize("name", REGISTRY.names())
def test_guarantee(name: str, check: Check) -> None:
    check(REGISTRY.entry(name).config_type())


def test_all_can_be_chosen_together() -> None:
    chosen = compose([f"scorer=[{','.join(REGISTRY.names())}]"]).scorer
    assert [config._name for config in chosen.values()] == list(chosen) == REGISTRY.names()


def test_who_scores_nothing_has_no_sacrebleu() -> None:
    code = (
        "from seqtrain.plugins import import_builtin; import_builtin(); import sys; print('sacrebleu' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
