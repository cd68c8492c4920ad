from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore

from seqtrain.config import PluginConfig
from seqtrain.criterions import Criterion, CriterionConfig, register_criterion
from seqtrain.errors import PluginError
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, register_lr_scheduler
from seqtrain.models import FeatureModel, Model, ModelConfig, register_model
from seqtrain.optimizers import Optimizer, OptimizerConfig, register_optimizer
from seqtrain.registry import REGISTRIES, Registry, choice_of, forget
from seqtrain.tasks import Task, TaskConfig, register_task


@dataclass
class FruitConfig(PluginConfig):
    weight: float = 1.0


class Fruit(ABC):
    def __init__(self, cfg: FruitConfig, *args: Any) -> None:
        self.cfg, self.args = cfg, args

    @abstractmethod
    def peel(self) -> str: ...

    @property
    def price(self) -> float:
        return 1.0

    @price.setter
    def price(self, value: float) -> None: ...


@dataclass
class AppleConfig(FruitConfig):
    colour: str = "red"


class Apple(Fruit):
    def peel(self) -> str:
        return "thin"


@pytest.fixture
def registry() -> Iterator[Registry[Fruit]]:
    yield Registry("fruit", FruitConfig, Fruit)
    forget({__name__})


def test_register_returns_the_class_and_stores_its_config(registry: Registry[Fruit]) -> None:
    assert registry.register("apple", AppleConfig)(Apple) is Apple
    node = ConfigStore.instance().load("fruit/apple.yaml").node
    assert (node._name, node.weight, node.colour) == ("apple", 1.0, "red")


def test_build_dispatches_on_the_type_of_the_config(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    built = registry.build(AppleConfig(colour="green"), 1, 2)
    assert isinstance(built, Apple)
    assert built.args == (1, 2)


def test_entries_and_presets_say_where_they_are_registered(registry: Registry[Fruit]) -> None:
    line = test_entries_and_presets_say_where_they_are_registered.__code__.co_firstlineno
    registry.register("apple", AppleConfig)(Apple)
    registry.register_preset("granny_smith", AppleConfig(colour="green"))
    assert registry.entry_of_type(FruitConfig) is None and registry.entry_of_type(None) is None
    entry, preset = registry.entry_of_type(AppleConfig), registry.presets()["granny_smith"]
    assert entry is not None and entry is registry.entry_of(AppleConfig())
    assert (entry.where, entry.module) == (f"{__file__}:{line + 2}", __name__)
    assert (preset.where, preset.module) == (f"{__file__}:{line + 3}", __name__)
    assert (preset.name, preset.plugin, preset.config) == ("granny_smith", "apple", AppleConfig(colour="green"))
    assert registry.places() == {"apple": entry.where, "granny_smith": preset.where}


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


def test_a_kind_is_there_once(registry: Registry[Fruit]) -> None:
    with pytest.raises(PluginError, match=r"test_registry.py:\d+: there are fruit plug-ins already, derived from Frui"):
        Registry("fruit", FruitConfig, dict)


def test_one_config_type_a_name(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    with pytest.raises(PluginError, match="AppleConfig is the config of 'apple' already"):
        registry.register("pear", AppleConfig)(type("Pear", (Apple,), {}))


@dataclass
class LooseConfig:
    weight: float = 1.0


class UndecoratedConfig(AppleConfig):
    size: float = 1.0


class RenamedConfig(AppleConfig):
    """Adds nothing, so that it needs no decorator."""


class Stone(Fruit):
    pass


class Priceless(Apple):
    @property  # type: ignore[misc]  # what is refused below
    def price(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("config", "cls", "message"),
    [
        (LooseConfig, Apple, "its config LooseConfig must be a dataclass derived from FruitConfig"),
        (AppleConfig(), Apple, "its config .* must be a dataclass derived from FruitConfig"),
        (UndecoratedConfig, Apple, "its config UndecoratedConfig is no dataclass: write @dataclass above it"),
        (AppleConfig, dict, "dict must derive from Fruit$"),
        (AppleConfig, lambda cfg: None, "<lambda> must derive from Fruit$"),
        (AppleConfig, Criterion, "Criterion must derive from Fruit; it is for register_criterion$"),
        (AppleConfig, Stone, "Stone lacks the required peel"),
        (AppleConfig, Priceless, r"Priceless lacks the required @price\.setter"),
    ],
)
def test_wrong_classes_are_refused(registry: Registry[Fruit], config: Any, cls: type, message: str) -> None:
    with pytest.raises(PluginError, match=rf"test_registry.py:\d+: fruit 'x': {message}"):
        registry.register("x", config)(cls)
    assert registry.names() == []
    assert "fruit" not in ConfigStore.instance().repo


def test_a_config_that_adds_no_field_needs_no_decorator(registry: Registry[Fruit]) -> None:
    registry.register("apple", RenamedConfig)(Apple)
    assert registry.names() == ["apple"]


@pytest.mark.parametrize(
    ("register", "base", "config_base", "lacking"),
    [
        (register_model, Model, ModelConfig, "forward"),
        (register_model, FeatureModel, ModelConfig, "extract_features, project"),
        (register_criterion, Criterion, CriterionConfig, "forward"),
        (register_task, Task, TaskConfig, "dataset"),
        (register_optimizer, Optimizer, OptimizerConfig, "load_state_dict, lr, state_dict, step, zero_grad"),
        (register_lr_scheduler, LRScheduler, LRSchedulerConfig, "lr_at"),
    ],
)
def test_each_kind_has_required_methods(register: Any, base: type, config_base: type, lacking: str) -> None:
    config: Any = dataclass(type("Config", (config_base,), {}))
    with pytest.raises(PluginError, match=f"'x': Lacking lacks the required {lacking}$"):
        register("x", config)(type("Lacking", (base,), {}))


@pytest.mark.parametrize(
    ("config", "given"),
    [(AppleConfig, "AppleConfig"), (FruitConfig(), r"FruitConfig\(\.\.\.\)"), ({"weight": 1}, r"dict\(\.\.\.\)")],
)
def test_a_preset_is_a_config_of_a_plugin(registry: Registry[Fruit], config: Any, given: str) -> None:
    registry.register("apple", AppleConfig)(Apple)
    message = rf"test_registry.py:\d+: fruit 'x': a preset is .* such as AppleConfig\(\.\.\.\), and not {given}$"
    with pytest.raises(PluginError, match=message):
        registry.register_preset("x", config)


def test_unknown_name_lists_what_there_is(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    with pytest.raises(PluginError, match="no fruit is registered as 'aple'; there are: apple"):
        registry.entry("aple")
    with pytest.raises(PluginError, match="FruitConfig is the config of no registered fruit"):
        registry.build(FruitConfig())


def test_forget_what_a_module_registered(registry: Registry[Fruit]) -> None:
    registry.register("apple", AppleConfig)(Apple)
    registry.register_preset("pear", AppleConfig())
    registry.forget({"another.module"})
    assert list(registry.places()) == ["apple", "pear"]
    registry.forget({__name__})
    assert registry.places() == {} and ConfigStore.instance().repo["fruit"] == {}
    registry.register("apple", AppleConfig)(Apple)
    forget({__name__})
    assert "fruit" not in REGISTRIES and "fruit" not in ConfigStore.instance().repo


@pytest.mark.parametrize("name", ["", "a/b", "my apple", "-x"])
def test_a_name_that_cannot_be_chosen(registry: Registry[Fruit], name: str) -> None:
    with pytest.raises(PluginError, match="a name consists of letters, digits and any of"):
        registry.register(name, AppleConfig)(Apple)


def test_how_a_plug_in_is_chosen(registry: Registry[Fruit]) -> None:
    assert choice_of(Apple(AppleConfig())) == "Apple"
    registry.register("apple", AppleConfig)(Apple)
    assert choice_of(Apple(AppleConfig())) == "fruit=apple"
