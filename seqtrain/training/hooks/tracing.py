"""Writes a trace of training: batches, what goes into and out of every module, gradients, parameters, metrics."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqtrain.base import clean_name
from seqtrain.composition import to_container
from seqtrain.model_tensors import model_tensors
from seqtrain.training.loss_module import LossModule
from seqtrain.training.state import UpdateResult
from seqtrain.training.trace import Kind, Record, write_record
from seqtrain.training.trainer import Hook, Trainer

TIMED = "_per_second"
"""What the names of metrics end in that depend on the clock."""


class Tracing(Hook):
    """Writes each tensor as a hash, in the order in which they come about; changes nothing.

    Modules are traced while they train, and not at all where they are compiled: that would change what is compiled.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = contextlib.ExitStack()
        self._micro_batch = 0

    def on_start(self, trainer: Trainer) -> None:
        """Write the config, if this is the beginning, and the state; listen to modules and parameters."""
        self._trainer = trainer
        self._file = self._stack.enter_context(self.path.open("w", encoding="utf-8"))
        if trainer.state.num_updates == 0:
            self._write_state(Kind.config, to_container(trainer.cfg))
        self._write_states()
        self._listen()

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Write what the update did and the state after it; nothing if it was not applied."""
        self._micro_batch = 0
        if result is not None:
            self._write_state(Kind.update, vars(result))
            self._write_states()

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Write a report."""
        self._write_state(Kind.metric, {k: v for k, v in metrics.items() if not k.endswith(TIMED)})

    def on_return(self, trainer: Trainer) -> None:
        """Count the micro-batches of the update anew."""
        self._micro_batch = 0

    def on_end(self, trainer: Trainer) -> None:
        """Listen no longer, and close the file."""
        self._stack.close()

    def _write_states(self) -> None:
        parts = self._trainer.parts
        self._write_state(Kind.parameter, model_tensors(parts.model))
        self._write_state(Kind.optimizer, parts.optimizer.state_dict())
        self._write_state(Kind.lr_scheduler, {"lr": parts.optimizer.lr, **parts.lr_scheduler.state_dict()})

    def _write_state(self, kind: Kind, values: Mapping[str, Any]) -> None:
        """Write what belongs to the updates so far."""
        self._write(self._trainer.state.num_updates, 0, kind, "", values)

    def _write_now(self, kind: Kind, name: str, value: Any) -> None:
        """Write what belongs to the micro-batch that is being trained on."""
        self._write(self._trainer.state.num_updates + 1, self._micro_batch, kind, name, value)

    def _write(self, update: int, micro_batch: int, kind: Kind, name: str, value: Any) -> None:
        for path, leaf in leaves(value):
            full_name = f"{name} {path}".strip() if name else path.lstrip(".")
            self._file.write(write_record(Record(update, micro_batch, kind, full_name, fingerprint(leaf))))

    def _listen(self) -> None:
        criterion, model = self._trainer.parts.criterion, self._trainer.parts.model
        self._stack.enter_context(criterion.register_forward_pre_hook(self._begin_micro_batch, with_kwargs=True))
        if not self._trainer.cfg.training.compile:
            for name, module in criterion.named_modules():
                if module is not criterion and not isinstance(module, LossModule):
                    self._listen_to(clean_name(name), module)
        self._stack.enter_context(criterion.register_forward_hook(partial(self._on_output, Kind.loss, "")))
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                on_gradient = partial(self._on_gradient, clean_name(name))
                handle = parameter.register_post_accumulate_grad_hook(on_gradient)  # type: ignore[no-untyped-call]
                self._stack.enter_context(handle)

    def _listen_to(self, name: str, module: nn.Module) -> None:
        self._stack.enter_context(module.register_forward_pre_hook(partial(self._on_input, name), with_kwargs=True))
        self._stack.enter_context(module.register_forward_hook(partial(self._on_output, Kind.output, name)))

    def _begin_micro_batch(self, criterion: nn.Module, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if criterion.training:
            self._micro_batch += 1
            for value in (*inputs, *kwargs.values()):
                self._write_now(Kind.batch, "", value)

    def _on_input(self, name: str, module: nn.Module, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if module.training:
            self._write_now(Kind.input, name, [*inputs])
            self._write_now(Kind.input, name, kwargs)

    def _on_output(self, kind: Kind, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if module.training:
            self._write_now(kind, name, output)

    def _on_gradient(self, name: str, parameter: Tensor) -> None:
        self._write_now(Kind.gradient, name, parameter.grad)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the tensors, numbers and texts in a value, each with its path in it, such as ``.target`` or ``[0]``."""
    if isinstance(value, Tensor | bool | int | float | str):
        yield path, value
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from leaves(value[key], f"{path}.{key}")
    elif hasattr(value, "_asdict"):
        yield from leaves(value._asdict(), path)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    elif dataclasses.is_dataclass(value):
        yield from leaves(vars(value), path)


def fingerprint(value: Tensor | bool | int | float | str) -> str:
    """Return type, shape and a hash of the bytes of a tensor; of anything else all there is."""
    if not isinstance(value, Tensor):
        return repr(value)
    tensor = value.detach()
    dense = (tensor.to_dense() if tensor.layout is not torch.strided else tensor).cpu().contiguous()
    content = dense.reshape(-1).view(torch.uint8).numpy().data
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)} {digest}"
