"""What goes into a module, for those who compute something beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def inputs_of(module: nn.Module) -> Iterator[list[tuple[Any, ...]]]:
    """Yield a list that gets the arguments of each call of a module meanwhile."""
    inputs: list[tuple[Any, ...]] = []
    handle = module.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments))
    try:
        yield inputs
    finally:
        handle.remove()
