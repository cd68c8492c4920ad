"""The parameters that a fine-tuned model starts with: those of a checkpoint that fit, and a report of what does not."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from seqtrain.base import Model, Task
from seqtrain.config import TrainConfig
from seqtrain.errors import CheckpointError
from seqtrain.model_tensors import model_tensors
from seqtrain.registry import REGISTRIES, choice_of
from seqtrain.training.finetuning import Origin, naming_origin
from seqtrain.training.vocabulary import Rows, changed_rows, changes

log = logging.getLogger(__name__)


def start_with(origin: Origin, task: Task[Any], cfg: TrainConfig, model: Model) -> None:
    """Copy the parameters of a checkpoint that fit into a model, and log what does not fit.

    Raises:
        CheckpointError: nothing fits.
        ConfigError: the model cannot have other symbols than the checkpoint.
    """
    with naming_origin(cfg.saving):
        rows = changed_rows(task, cfg.model, model, origin.info)
        into, saved = model_tensors(model), origin.checkpoint.model()
        loaded = load_what_fits(into, saved, rows)
        report = list(differing(into, saved, loaded, rows))
        if not loaded:
            its = REGISTRIES["model"].entry_of(origin.cfg.model).name
            raise CheckpointError(f"nothing of its model={its} fits {choice_of(model)}: {'; '.join(report[:3])}")
    symbols = map(str, changes(task.info, origin.info))
    found = f"starting from {origin.checkpoint.path}: {len(loaded)} of {len(into)} tensors loaded"
    log.info("%s", "\n  ".join([found, *symbols, *report]))


@torch.no_grad()
def load_what_fits(into: Mapping[str, Tensor], saved: Mapping[str, Tensor], rows: Mapping[str, Rows]) -> set[str]:
    """Copy tensors that agree in name, shape and type, row by row where symbols have moved; return their names."""
    loaded = {name for name, tensor in into.items() if name in saved and _fits(tensor, saved[name], rows.get(name))}
    for name in loaded:
        if name in rows:
            _copy_rows(into[name], saved[name], rows[name])
        else:
            into[name].copy_(saved[name])
    return loaded


def differing(
    into: Mapping[str, Tensor], saved: Mapping[str, Tensor], loaded: set[str], rows: Mapping[str, Rows]
) -> Iterable[str]:
    """Yield a line for each tensor that is not simply loaded."""
    for name, tensor in into.items():
        if name in loaded and name in rows:
            kept = sum(id >= 0 for id in rows[name].old_ids)
            yield f"rows of symbols: {name}: {kept} loaded, {len(rows[name].old_ids) - kept} new"
        elif name not in saved:
            yield f"missing there, so as initialised: {_described(name, tensor)}"
        elif name not in loaded:
            yield f"other there, so as initialised: {_described(name, tensor)}, there {_kind(saved[name])}"
    yield from (f"unused here: {_described(name, tensor)}" for name, tensor in saved.items() if name not in into)


def _fits(tensor: Tensor, saved: Tensor, rows: Rows | None) -> bool:
    shape = [*tensor.shape]
    if rows is not None:
        shape[rows.dim] = rows.old_size
    return [*saved.shape] == shape and saved.dtype == tensor.dtype


def _copy_rows(into: Tensor, saved: Tensor, rows: Rows) -> None:
    """Copy the rows of symbols that there were to where these are now."""
    old = torch.tensor(rows.old_ids)
    kept = old.ge(0).nonzero().squeeze(1)
    into.index_copy_(rows.dim, kept.to(into.device), saved.index_select(rows.dim, old[kept]).to(into.device))


def _described(name: str, tensor: Tensor) -> str:
    return f"{name} {_kind(tensor)}"


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
