"""Each check finds the mistake that it is there for."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from seqtrain.config import ParameterGroupConfig
from seqtrain.optimizers import REGISTRY, OptimizerConfig, ParameterGroup, TorchOptimizer
from seqtrain.testing import optimizers as checks


@dataclass
class FaultyConfig(OptimizerConfig):
    """An optimizer that is sound but for one fault."""

    lr: float = 0.1
    """Learning rate."""
    fault: str = "none"
    """What is wrong."""


class Faulty(TorchOptimizer):
    cfg: FaultyConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        if self.cfg.fault == "lr_scale":
            groups = [{**group, "lr": self.cfg.lr} for group in groups]
        if self.cfg.fault == "layer_decay":
            groups = [{**group, "lr": self.cfg.lr} if group["lr_scale"] > 0 else group for group in groups]
        return torch.optim.SGD(groups, momentum=0.9)

    @property
    def lr(self) -> float:
        return 2 * self._lr if self.cfg.fault == "lr" else self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value
        if self.cfg.fault != "rate_zero":
            for group in self.optimizer.param_groups:
                group["lr"] = value * group["lr_scale"]

    def backward(self, loss: Tensor) -> None:
        if self.cfg.fault == "gradients":
            self.zero_grad()
        super().backward(loss)

    def step(self) -> None:
        if self.cfg.fault != "trains":
            super().step()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        if self.cfg.fault == "state":
            state = {entry: tensor * 0 for entry, tensor in state.items()}
        super().load_state_dict(state)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield
    REGISTRY.forget({__name__})


def test_a_sound_optimizer_passes() -> None:
    checks.check_optimizer(FaultyConfig())


def test_patterns_for_another_model_are_not_judged() -> None:
    cfg = FaultyConfig(groups=[ParameterGroupConfig("layers")], fault="trains")
    config, *others = [check(cfg) for check in checks.CHECKS]
    assert config is None
    assert others == ["its patterns are for another model than the one of this check"] * len(others)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("lr", "lr is 0.2, should be 0.1, the config's"),
        ("rate_zero", "an update at rate 0 changes parameters"),
        ("trains", r"\[\] change, should be \['0.weight', '1.weight', '1.bias'\]"),
        ("gradients", "backward does not add to the gradients that are there"),
        ("lr_scale", "the biases have lr_scale 0"),
        ("layer_decay", "'layers.0.weight'.* move with a layer_decay of 1e-9, should be those of the head"),
        ("state", "state_dict gives back something else than was loaded"),
    ],
)
def test_a_fault_is_found(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        checks.check_optimizer(FaultyConfig(fault=fault))
