"""What goes into a module, for those who compute something beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, NamedTuple

from torch import nn


class Call(NamedTuple):
    """The arguments of a call."""

    positional: tuple[Any, ...]
    named: dict[str, Any]


@contextmanager
def calls_of(module: nn.Module) -> Iterator[list[Call]]:
    """Yield a list that gets each call of a module meanwhile, of those that this thread makes."""
    calls: list[Call] = []
    thread = get_ident()

    def note(_: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        if get_ident() == thread:
            calls.append(Call(positional, named))

    handle = module.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()
