"""Configs to test plug-ins with: their defaults, as Hydra would compose them."""

from typing import Any, TypeVar

from omegaconf import OmegaConf

from seqtrain.config import PluginConfig

ConfigT = TypeVar("ConfigT", bound=PluginConfig)

MAX_UPDATE = 100
"""Value of ``training.max_update`` for the configs that refer to it."""


def default_config(config_type: type[ConfigT], **values: Any) -> ConfigT:
    """Return a config with its defaults but for ``values``; references to ``training.max_update`` are resolved."""
    plugin = OmegaConf.merge(OmegaConf.structured(config_type), values)
    root = OmegaConf.create({"training": {"max_update": MAX_UPDATE}, "plugin": plugin})
    cfg = OmegaConf.to_object(root.plugin)
    assert isinstance(cfg, config_type), f"{config_type.__name__} cannot be made from its defaults"
    return cfg
