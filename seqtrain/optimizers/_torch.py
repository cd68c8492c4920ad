"""The base of optimizers that wrap one of ``torch.optim``: groups by name, one rate, state as named tensors."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seqtrain.base import Optimizer
from seqtrain.config import OptimizerConfig
from seqtrain.errors import ConfigError
from seqtrain.optimizers._groups import ParameterGroup, Parameters, parameter_groups, trainable_parameters
from seqtrain.optimizers._state import as_tensor, check_state, like, named_state, owner
from seqtrain.registry import choice_of


class TorchOptimizer(Optimizer):
    """An optimizer around one of ``torch.optim``; a subclass writes :meth:`build` alone.

    Example::

        @register_optimizer("rmsprop", RMSpropConfig)
        class RMSprop(TorchOptimizer):
            cfg: RMSpropConfig

            def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
                return torch.optim.RMSprop(groups, alpha=self.cfg.alpha)

    Raises:
        ConfigError: there is nothing to train, or ``optimizer.groups`` does not fit the parameters.
    """

    def __init__(self, cfg: OptimizerConfig, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        super().__init__(cfg, named_parameters)
        self._parameters = trainable_parameters(named_parameters)
        self._lr = cfg.lr
        self.optimizer = self._built(self._parameters)
        if "weight_decay" not in self.optimizer.defaults and any(g.weight_decay is not None for g in cfg.groups):
            raise ConfigError(f"optimizer.groups sets a weight_decay, which {choice_of(self)} has not: leave it out")

    @abstractmethod
    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the optimizer of ``torch.optim`` for these groups, which carry their rate already."""

    def settings(self, name: str, parameter: nn.Parameter) -> Mapping[str, Any]:
        """Return what a parameter's group is to carry besides rate and weight decay; nothing unless overridden."""
        return {}

    @property
    def lr(self) -> float:
        """Learning rate; setting it sets every group's, times its ``lr_scale``."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value
        for group in self.optimizer.param_groups:
            group["lr"] = value * group["lr_scale"]

    def step(self) -> None:
        """Update the parameters that have a gradient."""
        self.optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients and free their memory."""
        self.optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state as tensors named ``<parameter>.<key>``: the live ones, not copies of them."""
        state = named_state(self.optimizer, self._parameters)
        return {entry: as_tensor(value) for entry, value in state.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over, bit for bit, a state that :meth:`state_dict` returned.

        A parameter without any entry is one that has had no gradient yet.

        Raises:
            CheckpointError: an entry is missing, unexpected or of another shape or type than this optimizer's.
        """
        blank = {name: nn.Parameter(torch.zeros_like(parameter)) for name, parameter in self._parameters.items()}
        optimizer = self._built(blank)
        from_the_start = {owner(entry) for entry in named_state(optimizer, blank)}
        first = _after_an_update(optimizer, blank)
        check_state(state, first, from_the_start)
        self.optimizer.state.clear()
        for entry, tensor in state.items():
            name, _, key = entry.rpartition(".")
            self.optimizer.state[self._parameters[name]][key] = like(first[entry], tensor)

    def _built(self, parameters: Parameters) -> torch.optim.Optimizer:
        return self.build(parameter_groups(self.cfg, parameters, self.settings))


def _after_an_update(optimizer: torch.optim.Optimizer, parameters: Parameters) -> dict[str, Any]:
    """Return the state after a first update: the keys and shapes that a whole state has."""
    for parameter in parameters.values():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return named_state(optimizer, parameters)
