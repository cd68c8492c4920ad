"""Where the first number that is not finite came from: a parameter, a module's output, or a gradient."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def find_origin(modules: Mapping[str, nn.Module], run: Callable[[], object]) -> str:
    """Return what first was not finite in a forward and backward pass; empty if all was finite.

    Args:
        modules: what is watched, by name; the first holds the parameters.
        run: does the pass, adding to the gradients.
    """
    model = next(iter(modules.values()))
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            return f"the parameter {name}, before the update"
    watch = _Watch()
    with watch.on(modules), torch.compiler.set_stance("force_eager"):
        run()
    if watch.found:
        return watch.found
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return next((f"the gradient of {name}" for name, g in gradients.items() if not g.isfinite().all()), "")


class _Watch:
    """Looks at what goes into and comes out of modules, and at the gradients of it.

    Only tensors with a gradient count: a mask may well hold -inf.
    """

    def __init__(self) -> None:
        self.found = ""
        self._tensor = 0
        self._stack = contextlib.ExitStack()

    @contextlib.contextmanager
    def on(self, modules: Mapping[str, nn.Module]) -> Iterator[None]:
        with self._stack:
            for module, name in _names(modules).items():
                before, after = partial(self._before, name), partial(self._after, name)
                self._stack.enter_context(module.register_forward_pre_hook(before, with_kwargs=True))
                self._stack.enter_context(module.register_forward_hook(after))
            yield

    def _before(self, name: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        for tensor in _tensors((args, kwargs)):
            self._note(tensor, f"what goes into {name}")
            self._on_gradient(tensor, f"the backward pass of {name}")

    def _after(self, name: str, module: nn.Module, args: Any, output: Any) -> None:
        for tensor in _tensors(output):
            self._note(tensor, f"the output of {name}")
            self._on_gradient(tensor, f"the backward pass of what follows {name}")

    def _note(self, tensor: Tensor, what: str) -> None:
        if not self.found and not tensor.isfinite().all():
            self.found = what

    def _on_gradient(self, tensor: Tensor, what: str) -> None:
        look = partial(self._gradient, id(tensor), what)
        # Removed at the end: a parameter that is an input would keep it.
        handle = tensor.register_hook(look)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._stack.enter_context(handle)

    def _gradient(self, tensor: int, what: str, gradient: Tensor) -> None:
        # A tensor's hooks come in the order of its way through the modules: the last one names who used it.
        if (not self.found or self._tensor == tensor) and not gradient.isfinite().all():
            self.found, self._tensor = what, tensor


def _names(modules: Mapping[str, nn.Module]) -> dict[nn.Module, str]:
    """Return every module with its first name: a criterion may hold the model."""
    names: dict[nn.Module, str] = {}
    for root, top in modules.items():
        for name, module in top.named_modules():
            names.setdefault(module, ".".join(filter(None, [root, name])) or "the model")
    return names


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors with a gradient in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        if value.requires_grad and value.is_floating_point():
            yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
