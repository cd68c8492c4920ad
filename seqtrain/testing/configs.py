"""Configs to test plug-ins with: their defaults, as Hydra would compose them; and what every config guarantees."""

import copy
import pickle
from typing import Any, TypeVar

import yaml
from omegaconf import OmegaConf

from seqtrain import composition
from seqtrain.config import DatasetConfig, PluginConfig, TaskConfig, TrainConfig, TrainingConfig
from seqtrain.criterions.cross_entropy import CrossEntropyConfig
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.lr_schedulers.fixed import FixedConfig
from seqtrain.models.transformer import TransformerConfig
from seqtrain.optimizers.sgd import SGDConfig
from seqtrain.registry import REGISTRIES, kind_of, plugin_configs
from seqtrain.tasks.translation import TranslationConfig

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


def check_config(cfg: PluginConfig, *_: object) -> None:
    """The config survives the YAML of a checkpoint and the way to another process."""
    assert _plain(pickle.loads(pickle.dumps(cfg))) == _plain(cfg), f"{cfg} is another one after pickling"
    kind = kind_of(cfg)
    text = yaml.safe_dump(composition.to_container(train_config(cfg)))
    found = plugin_in(composition.from_container(yaml.safe_load(text)), kind)
    assert type(found) is type(cfg), f"a {type(cfg).__name__} comes back from YAML as a {type(found).__name__}"
    lost = [name for name, value in _plain(found).items() if value != _plain(cfg)[name]]
    assert not lost, f"other values come back from YAML: {', '.join(f'{kind}.{name}' for name in lost)}"


def train_config(cfg: PluginConfig) -> TrainConfig:
    """Return the config of a training with this plug-in in it."""
    tokenizer, cache_dir = (cfg.tokenizer, cfg.cache_dir) if isinstance(cfg, TaskConfig) else (CharConfig(), "")
    groups: dict[str, PluginConfig] = {
        "task": TranslationConfig(tokenizer, cache_dir),
        "model": TransformerConfig(),
        "criterion": CrossEntropyConfig(),
        "optimizer": SGDConfig(),
        "lr_scheduler": FixedConfig(),
        "tokenizer": tokenizer,
        kind_of(cfg): cfg,
    }
    named: dict[str, Any] = {kind: _named(group) for kind, group in groups.items()}
    named |= {kind: {"one": group} for kind, group in named.items() if REGISTRIES[kind].several}
    return TrainConfig(
        **named,
        training=TrainingConfig(max_update=MAX_UPDATE),
        dataset=DatasetConfig(max_tokens=1000, cache_dir=cache_dir),
    )


def plugin_in(config: TrainConfig, kind: str) -> PluginConfig:
    """Return the plug-in of a kind that a config has; the only one of a kind that it may have several of."""
    found = getattr(config, kind)
    (plugin,) = found.values() if isinstance(found, dict) else [found]
    assert isinstance(plugin, PluginConfig)
    return plugin


def _named(cfg: PluginConfig) -> PluginConfig:
    """Return a config that says whose it is, and whose those in it are, as composed ones do."""
    named = copy.deepcopy(cfg)
    for one in plugin_configs(named):
        one._name = REGISTRIES[kind_of(one)].entry_of(one).name
    return named


def _plain(cfg: PluginConfig) -> dict[str, Any]:
    return {name: value for name, value in vars(cfg).items() if not name.startswith("_")}
