"""A checkpoint's task and model, with the parameters that were saved."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from seqtrain.base import Model, Task
from seqtrain.checkpoint import CONFIG, MODEL, Checkpoint
from seqtrain.config import TrainConfig
from seqtrain.errors import CheckpointError
from seqtrain.registry import REGISTRIES

SPARE_BYTES = 64 << 20
"""What a small model may take beyond four times its file: a model may make parameters that it then replaces."""
BYTES_OF_A_PARAMETER = 4096
"""About what a parameter takes besides its numbers."""


class Restored(NamedTuple):
    """What a checkpoint holds for inference, on the CPU."""

    cfg: TrainConfig
    task: Task[Any]
    model: Model


def restore(checkpoint: Checkpoint, overrides: Sequence[str] = ()) -> Restored:
    """Build a checkpoint's task and model, with overrides of its config; its plug-ins are registered.

    Raises:
        CheckpointError: it is damaged.
        PluginError: it was made with a plug-in that is not registered.
    """
    cfg = checkpoint.config(overrides)
    task = restore_task(checkpoint, cfg)
    with _no_larger_than(checkpoint.path / MODEL), torch.random.fork_rng([]):
        model = task.build_model(cfg.model)
    checkpoint.load_model(model)
    return Restored(cfg, task, model)


def restore_task(checkpoint: Checkpoint, cfg: TrainConfig) -> Task[Any]:
    """Build the task of a checkpoint, given its config, with the dictionaries that were saved.

    Raises:
        SeqtrainError: something of the task is missing or damaged.
    """
    task: Task[Any] = REGISTRIES["task"].build(cfg.task)
    task.load(checkpoint.path)
    return task


@contextlib.contextmanager
def _no_larger_than(file: Path) -> Iterator[None]:
    """Refuse, before their memory is touched, to build parameters that a file cannot hold the values of.

    Raises:
        CheckpointError: the config of the checkpoint wants more.
    """
    room = 4 * file.stat().st_size + SPARE_BYTES

    def check(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal room
        if parameter is not None:
            room -= parameter.nbytes + BYTES_OF_A_PARAMETER
        if room < 0:
            raise too_large

    too_large = CheckpointError(
        f"{file} is too small for the model of {CONFIG} beside it, which takes more memory: use another checkpoint"
    )
    hook = register_module_parameter_registration_hook(check)
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError) as error:
        if isinstance(error, RuntimeError) and not re.search("alloc|overflow", str(error)):
            raise
        raise too_large from error  # no memory could hold it
    finally:
        hook.remove()
