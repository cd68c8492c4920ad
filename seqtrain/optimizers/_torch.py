"""The base of optimizers that wrap one of ``torch.optim``: groups by name, one rate, state as named tensors."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seqtrain.base import Optimizer, clean_name
from seqtrain.config import OptimizerConfig
from seqtrain.errors import CheckpointError, ConfigError

ParameterGroup = dict[str, Any]
"""What ``torch.optim`` takes as one group: ``params``, ``lr`` and what else is the group's own."""


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
        self.optimizer = self.build(parameter_groups(cfg, self._parameters))
        if "weight_decay" not in self.optimizer.defaults and any(g.weight_decay is not None for g in cfg.groups):
            raise ConfigError(
                f"optimizer.groups sets a weight_decay, which {type(self).__name__} has not: leave it out"
            )

    @abstractmethod
    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the optimizer of ``torch.optim`` for these groups, which carry their rate already."""

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
        state = _named_state(self.optimizer, self._parameters)
        return {entry: _as_tensor(value) for entry, value in state.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over, bit for bit, a state that :meth:`state_dict` returned.

        A parameter without any entry is one that has had no gradient yet.

        Raises:
            CheckpointError: an entry is missing, unexpected or of another shape or type than this optimizer's.
        """
        first = self._first_state()
        _check_state(state, first)
        self.optimizer.state.clear()
        for entry, tensor in state.items():
            name, _, key = entry.rpartition(".")
            self.optimizer.state[self._parameters[name]][key] = _like(first[entry], tensor)

    def _first_state(self) -> dict[str, Any]:
        """State after a first update of blank parameters: the keys and shapes that a whole state has."""
        blank = {name: nn.Parameter(torch.zeros_like(parameter)) for name, parameter in self._parameters.items()}
        for parameter in blank.values():
            parameter.grad = torch.zeros_like(parameter)
        optimizer = self.build(parameter_groups(self.cfg, blank))
        optimizer.step()
        return _named_state(optimizer, blank)


def trainable_parameters(named_parameters: Iterable[tuple[str, nn.Parameter]]) -> dict[str, nn.Parameter]:
    """Return the parameters that require a gradient, by their clean names.

    Raises:
        ConfigError: there are none, or two have the same clean name.
    """
    parameters: dict[str, nn.Parameter] = {}
    for name, parameter in named_parameters:
        if clean_name(name) in parameters:
            raise ConfigError(f"two parameters of the model are called {clean_name(name)!r}: rename one of them")
        if parameter.requires_grad:
            parameters[clean_name(name)] = parameter
    if not parameters:
        raise ConfigError("the model has no parameter that requires a gradient: there is nothing to train")
    return parameters


def parameter_groups(cfg: OptimizerConfig, parameters: Mapping[str, nn.Parameter]) -> list[ParameterGroup]:
    """Split parameters, by clean name, into those no pattern matches and one group for each of ``cfg.groups``.

    Raises:
        ConfigError: a group takes no parameter.
    """
    rest = dict(parameters)
    groups = []
    for index, group in enumerate(cfg.groups):
        taken = {name: rest.pop(name) for name in list(rest) if re.search(group.pattern, name)}
        if not taken:
            raise ConfigError(
                f"optimizer.groups[{index}].pattern={group.pattern!r} matches no parameter that is trained and "
                f"that no earlier pattern takes; parameters are called: {_some(list(parameters))}"
            )
        groups.append(_group(cfg.lr, group.lr_scale, taken, group.weight_decay))
    return ([_group(cfg.lr, 1.0, rest, None)] if rest else []) + groups


def _group(
    lr: float, lr_scale: float, parameters: Mapping[str, nn.Parameter], weight_decay: float | None
) -> ParameterGroup:
    group = {"params": list(parameters.values()), "lr": lr * lr_scale, "lr_scale": lr_scale}
    return group if weight_decay is None else {**group, "weight_decay": weight_decay}


def _named_state(optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]) -> dict[str, Any]:
    return {
        f"{name}.{key}": value
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def _check_state(state: Mapping[str, Tensor], first: Mapping[str, Any]) -> None:
    updated = {entry.rpartition(".")[0] for entry in state}
    problems = [f"{e} is missing" for e in first if e not in state and e.rpartition(".")[0] in updated]
    problems += [f"{e} is unexpected" for e in state if e not in first]
    for entry in state.keys() & first.keys():
        expected, found = _as_tensor(first[entry]), state[entry]
        if expected.shape != found.shape:
            problems.append(f"{entry} has shape {tuple(found.shape)}, not {tuple(expected.shape)}")
        elif expected.dtype != found.dtype:
            problems.append(f"{entry} is {found.dtype}, not {expected.dtype}")
    if problems:
        raise CheckpointError(
            f"the checkpoint's optimizer state does not fit this model and optimizer: {_some(sorted(problems), '; ')}. "
            "Resume with the model and the optimizer that it was saved with"
        )


def _as_tensor(value: Any) -> Tensor:
    """Scalars as tensors that hold all their bits."""
    if isinstance(value, Tensor):
        return value.detach()
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def _like(example: Any, tensor: Tensor) -> Any:
    """Copy of ``tensor`` as the optimizer keeps such a value: on its device, or as a number."""
    return tensor.to(example.device, copy=True) if isinstance(example, Tensor) else tensor.item()


def _some(items: list[str], separator: str = ", ", most: int = 5) -> str:
    more = len(items) - most
    return separator.join(items[:most]) + (f"{separator}and {more} more" if more > 0 else "")
