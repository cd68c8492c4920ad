"""Copies of models in which some layers compute in another way; all else is shared with the model."""

import copy
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn

from seqtrain.nn.linear import Linear

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class Copier:
    """Copies models; a copy is made once, and again when the parameters have changed. It goes with its model.

    Args:
        replacement: makes what stands for a plain linear layer in the copy.
    """

    def __init__(self, replacement: Callable[[nn.Linear], nn.Module]) -> None:
        self._replacement = replacement
        self._copies: WeakKeyDictionary[nn.Module, tuple[list[tuple[int, int]], nn.Module]] = WeakKeyDictionary()

    def __call__(self, model: ModuleT) -> ModuleT:
        """Return the copy of a model."""
        state = [(parameter.data_ptr(), parameter._version) for parameter in model.parameters()]
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


def is_plain_linear(module: nn.Module) -> bool:
    """Tell whether it is a linear layer in fp32; who changes what one does is asked for it."""
    return type(module) in (nn.Linear, Linear) and module.weight.dtype is torch.float32
