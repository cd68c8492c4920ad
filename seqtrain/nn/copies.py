"""Copies of models in which some layers compute in another way; all else is shared with the model."""

import copy
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from seqtrain.nn.linear import Linear

ModuleT = TypeVar("ModuleT", bound=nn.Module)
State = tuple[int, int, list[float]]
SAMPLE = 8
"""Numbers of a parameter that are looked at to see whether it has changed."""


class Copier:
    """Copies models; a copy is made once, and again when the parameters have changed. It goes with its model.

    Args:
        replacement: makes what stands for a plain linear layer in the copy.
    """

    def __init__(self, replacement: Callable[[nn.Linear], nn.Module]) -> None:
        self._replacement = replacement
        self._copies: WeakKeyDictionary[nn.Module, tuple[list[State], nn.Module]] = WeakKeyDictionary()

    def __call__(self, model: ModuleT) -> ModuleT:
        """Return the copy of a model."""
        state = list(map(_state, model.parameters()))
        known = self._copies.get(model)
        if known is None or known[0] != state:
            known = self._copies[model] = state, self._copy(model, {})
        assert isinstance(known[1], type(model))
        return known[1]

    def _copy(self, module: nn.Module, known: dict[nn.Module, nn.Module]) -> nn.Module:
        """Copy a module and those within it, each once; no tensor is copied."""
        if module not in known:
            known[module] = self._replacement(module) if is_plain_linear(module) else copy.copy(module)  # type: ignore[arg-type]
            children = module._modules.items()
            known[module]._modules = {
                name: child if child is None else self._copy(child, known) for name, child in children
            }
        return known[module]


def _state(parameter: Tensor) -> State:
    """Return what tells that a parameter has changed; torch does not count changes through ``.data``."""
    version = 0 if parameter.is_inference() else parameter._version
    return parameter.data_ptr(), version, parameter.detach().reshape(-1)[:SAMPLE].tolist()


def is_plain_linear(module: nn.Module) -> bool:
    """Tell whether it is a linear layer in fp32 and no more: no hooks, no ``forward`` and no weight made by others."""
    return (
        type(module) in (nn.Linear, Linear)
        and isinstance(module.weight, nn.Parameter)
        and module.weight.dtype is torch.float32
        and not (module._forward_pre_hooks or module._forward_hooks or "forward" in vars(module))
    )
