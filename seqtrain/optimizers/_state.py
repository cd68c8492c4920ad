"""An optimizer's state as named tensors, and what is wrong with one that is to be taken over."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seqtrain.errors import CheckpointError
from seqtrain.optimizers._groups import Parameters, some


def named_state(optimizer: torch.optim.Optimizer, parameters: Parameters) -> dict[str, Any]:
    """Return what an optimizer of ``torch.optim`` keeps for each parameter, as ``<parameter>.<key>``."""
    return {
        f"{name}.{key}": value
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def check_state(state: Mapping[str, Tensor], first: Mapping[str, Any], needed: set[str]) -> None:
    """Compare a state with the one that an optimizer has after its first update.

    Args:
        state: what is to be taken over.
        first: the state after a first update.
        needed: parameters that have a state from the start.

    Raises:
        CheckpointError: an entry is missing, unexpected or of another shape or type.
    """
    updated = {owner(entry) for entry in state} | needed
    problems = [f"{entry} is missing" for entry in first if entry not in state and owner(entry) in updated]
    problems += [f"{entry} is unexpected" for entry in state if entry not in first]
    common = [entry for entry in state if entry in first]
    problems += filter(None, (_misfit(entry, state[entry], as_tensor(first[entry])) for entry in common))
    if problems:
        raise CheckpointError(
            f"the checkpoint's optimizer state does not fit this model and optimizer: {some(sorted(problems), '; ')}. "
            "Resume with the model and the optimizer that it was saved with"
        )


def owner(entry: str) -> str:
    """Return the parameter that an entry belongs to."""
    return entry.rpartition(".")[0]


def as_tensor(value: Any) -> Tensor:
    """Scalars as tensors that hold all their bits."""
    if isinstance(value, Tensor):
        return value.detach()
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def like(example: Any, tensor: Tensor) -> Any:
    """Copy of ``tensor`` as the optimizer keeps such a value: on its device, or as a number."""
    return tensor.to(example.device, copy=True) if isinstance(example, Tensor) else tensor.item()


def _misfit(entry: str, found: Tensor, expected: Tensor) -> str:
    if expected.shape != found.shape:
        return f"{entry} has shape {tuple(found.shape)}, not {tuple(expected.shape)}"
    return "" if expected.dtype == found.dtype else f"{entry} is {found.dtype}, not {expected.dtype}"
