from dataclasses import dataclass

import pytest
from omegaconf import II

from seqtrain.config import PluginConfig
from seqtrain.errors import ConfigError
from seqtrain.testing.configs import default_config


@dataclass
class LastingConfig(PluginConfig):
    """A config that refers to the run's length."""

    total: int = II("training.max_update")
    """Updates."""
    share: float = 0.5
    """Share of them."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ConfigError("share")


def test_references_are_resolved() -> None:
    assert default_config(LastingConfig) == LastingConfig(total=100, share=0.5)


def test_values_replace_defaults() -> None:
    assert default_config(LastingConfig, total=3, share=1.0) == LastingConfig(total=3, share=1.0)


def test_values_are_checked() -> None:
    with pytest.raises(ConfigError):
        default_config(LastingConfig, share=2.0)
