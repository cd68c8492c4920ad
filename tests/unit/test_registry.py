from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore

from seqtrain.config import PluginConfig
from seqtrain.errors import PluginError
from seqtrain.registry import REGISTRIES, Registry


@dataclass
class FruitConfig(PluginConfig):
    weight: float = 1.0


class Fruit(ABC):
    def __init__(self, cfg: FruitConfig, *args: Any) -> None:
        self.cfg, self.args = cfg, args

    @abstractmethod
    def peel(self) -> str: ...


@dataclass
class AppleConfig(FruitConfig):
    colour: str = "red"


class Apple(Fruit):
    def peel(self) -> str:
        return "thin"


@pytest.fixture
def registry() -> Iterator[Registry[Fruit]]:
    yield Registry("fruit", FruitConfig, Fruit)
    del REGISTRIES["fruit"]
    ConfigStore.instance().repo.pop("fruit", None)


def test_register_returns_the_class_and_stores_its_config(registry: Registry[Fruit]) -> None:
    assert registry.register("apple", AppleConfig)(Apple) is Apple
    node = ConfigStore.instance().load("fruit/apple.yaml").node
    assert (node._name, node.weight, node.colour) == ("apple", 1.0, "red")


def test_build_dispatches_on_the_type_of_the_config(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    built = registry.build(AppleConfig(colour="green"), 1, 2)
    assert isinstance(built, Apple)
    assert built.args == (1, 2)
    assert registry.entry_of(AppleConfig()).where.split(":")[0].endswith("test_registry.py")


def test_preset_carries_the_plugins_name(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    registry.register_preset("granny_smith", AppleConfig(colour="green"))
    node = ConfigStore.instance().load("fruit/granny_smith.yaml").node
    assert (node._name, node.colour) == ("apple", "green")
    assert registry.names() == ["apple"]


def test_duplicate_names_both_files(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    registry.register_preset("pear", AppleConfig())
    for name in ("apple", "pear"):
        with pytest.raises(
            PluginError, match=rf"test_registry.py:\d+: fruit '{name}' is registered already, in .*py:\d"
        ):
            registry.register(name, AppleConfig)(Apple)


def test_one_config_type_a_name(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    with pytest.raises(PluginError, match="AppleConfig is the config of fruit 'apple' already"):
        registry.register("pear", AppleConfig)(type("Pear", (Apple,), {}))


@dataclass
class LooseConfig:
    weight: float = 1.0


class Stone(Fruit):
    pass


@pytest.mark.parametrize(
    ("config", "cls", "message"),
    [
        (LooseConfig, Apple, "must be a dataclass derived from FruitConfig"),
        (AppleConfig, dict, "must derive from Fruit"),
        (AppleConfig, Stone, "lacks the required peel"),
    ],
)
def test_wrong_classes_are_refused(registry: Registry[Fruit], config: Any, cls: type, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        registry.register("x", config)(cls)
    assert registry.names() == []
    assert "fruit" not in ConfigStore.instance().repo


def test_unknown_name_lists_what_there_is(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    with pytest.raises(PluginError, match="no fruit is registered as 'aple'; there are: apple"):
        registry.entry("aple")
    with pytest.raises(PluginError, match="FruitConfig is the config of no registered fruit"):
        registry.build(FruitConfig())


def test_restore_forgets_what_came_after(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    before = registry.snapshot()
    registry.register_preset("pear", AppleConfig())
    registry.restore(before)
    assert list(ConfigStore.instance().repo["fruit"]) == ["apple.yaml"]
    registry.register_preset("pear", AppleConfig())
