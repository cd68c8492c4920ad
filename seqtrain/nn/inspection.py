"""What goes into a module, for those who compute something beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import nn


class Call(NamedTuple):
    """The arguments of a call."""

    positional: tuple[Any, ...]
    named: dict[str, Any]


@contextmanager
def calls_of(module: nn.Module) -> Iterator[list[Call]]:
    """Yield a list that gets each call of a module meanwhile."""
    calls: list[Call] = []
    handle = module.register_forward_pre_hook(lambda _, *arguments: calls.append(Call(*arguments)), with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()
