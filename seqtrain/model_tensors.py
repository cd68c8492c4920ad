"""The tensors of a model by name: what a checkpoint takes from it, and puts back."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seqtrain.base import clean_name
from seqtrain.errors import CheckpointError


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of tensors in the memory of the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's parameters and persistent buffers by clean name; a tied parameter once, by its first name."""
    parameters = dict(model.named_parameters())
    tied = {name for name, _ in model.named_parameters(remove_duplicate=False)} - set(parameters)
    buffers = {n: t for n, t in model.state_dict().items() if n not in parameters and n not in tied}
    return {clean_name(name): tensor.detach() for name, tensor in {**parameters, **buffers}.items()}


def trained_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the parameters of a model that are trained, by clean name."""
    return {clean_name(n): p.detach() for n, p in model.named_parameters() if p.requires_grad}


@torch.no_grad()
def load_tensors(into: Mapping[str, Tensor], saved: Mapping[str, Tensor], where: str) -> None:
    """Copy tensors by name.

    Raises:
        CheckpointError: a name is missing or unknown, or a shape or a type differs.
    """
    problems = [f"{name} is missing" for name in into.keys() - saved.keys()]
    problems += [f"{name} is unknown to the model" for name in saved.keys() - into.keys()]
    problems += filter(None, (_misfit(name, saved[name], into[name]) for name in into.keys() & saved.keys()))
    if problems:
        raise CheckpointError(f"{where} does not fit the model: {'; '.join(sorted(problems)[:5])}")
    for name, tensor in into.items():
        tensor.copy_(saved[name])


def _misfit(name: str, saved: Tensor, wanted: Tensor) -> str:
    """Say how a tensor differs from what it is to be copied into; empty if it fits."""
    if saved.shape != wanted.shape:
        return f"{name} has shape {tuple(saved.shape)}, the model wants {tuple(wanted.shape)}"
    return "" if saved.dtype == wanted.dtype else f"{name} is {saved.dtype}, the model wants {wanted.dtype}"
