"""What Hydra composes from besides YAML files: the dataclasses and presets of plug-ins, in its ConfigStore."""

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from seqtrain.config import PluginConfig


def put(group: str, name: str, plugin: str, config: type[PluginConfig] | PluginConfig, package: str | None) -> None:
    """Make ``<group>=<name>`` choose a plug-in by this config, with the defaults of its type or values of its own.

    Hydra puts it at the key ``package``, if not at that of the group.
    """
    node = OmegaConf.structured(config)
    node._name = plugin
    _open_mappings(node)
    ConfigStore.instance().store(name=name, group=group, node=node, package=package, provider="seqtrain")


def drop(group: str, name: str) -> None:
    """Take a choice away, if it is there."""
    ConfigStore.instance().repo.get(group, {}).pop(f"{name}.yaml", None)


def drop_group(group: str) -> None:
    """Take all choices of a group away."""
    ConfigStore.instance().repo.pop(group, None)


def _open_mappings(node: DictConfig) -> None:
    """Let overrides add keys to the fields that are mappings; Hydra closes all of a config that does not say so."""
    for name in node:
        child = node._get_node(name)
        if isinstance(child, DictConfig) and OmegaConf.get_type(child) is dict:
            OmegaConf.set_struct(child, False)
