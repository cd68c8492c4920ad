"""Every registered model passes the checks that ``seqtrain.testing.models`` offers for plug-ins."""

import pytest

from seqtrain.config import ModelConfig
from seqtrain.models import REGISTRY
from seqtrain.plugins import import_builtin
from seqtrain.testing.guarantees import Check
from seqtrain.testing.models import CHECKS, check_builds_on_meta
from seqtrain.testing.toy import toy_task

import_builtin()

SIZES = {"embed_dim": 8, "ffn_embed_dim": 12, "layers": 2, "attention_heads": 2}
SMALL = {
    "transformer": {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in SIZES.items()},
    "transformer_lm": {f"decoder_{name}": value for name, value in SIZES.items()},
}
"""Values that make a model small; other models are checked with their defaults."""


def small(name: str) -> ModelConfig:
    cfg = REGISTRY.entry(name).config_type(**SMALL.get(name, {}))
    assert isinstance(cfg, ModelConfig)
    return cfg


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_model(check: Check, name: str) -> None:
    check(small(name), toy_task())


@pytest.mark.parametrize("name", REGISTRY.names())
def test_default_config_builds(name: str) -> None:
    cfg = REGISTRY.entry(name).config_type()
    assert isinstance(cfg, ModelConfig)
    check_builds_on_meta(cfg, toy_task())
