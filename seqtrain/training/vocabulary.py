"""The rows that a model has for symbols, where a fine-tuned model has other symbols than the one it starts from.

Which tensors have them is found by building the model once more with one more symbol: so it holds for any model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqtrain.base import Dictionary, Model, Task, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.data.tags import TaggedDictionary, old_ids
from seqtrain.errors import ConfigError
from seqtrain.model_tensors import model_tensors

SHOWN = 10
"""Symbols that messages name."""
ONE_MORE = "one more symbol"


class Rows(NamedTuple):
    """The rows of a tensor, one for each symbol."""

    dim: int
    """The dimension that goes over symbols."""
    old_ids: Sequence[int]
    """The id that the symbol of each row had, -1 if it is new, (V,)."""
    old_size: int
    """How many symbols there were."""


class Change(NamedTuple):
    """How a dictionary differs from the one that it goes on from."""

    sides: Sequence[str]
    """Whose it is: of source, target or both."""
    now: Dictionary
    before: Dictionary
    old_ids: Sequence[int]

    @property
    def new(self) -> list[str]:
        """The symbols that are new."""
        return [self.now.symbol(id) for id, old in enumerate(self.old_ids) if old < 0]

    def __str__(self) -> str:
        shown = " ".join(self.new[:SHOWN]) + (" ..." if len(self.new) > SHOWN else "")
        left_out = len(self.before) - len(self.old_ids) + len(self.new)
        what = [f"{len(self.new)} new{': ' if shown else ''}{shown}", *([f"{left_out} left out"] if left_out else [])]
        return f"symbols of the {' and '.join(self.sides)} dictionary: {'; '.join(what)}"


def changes(info: TaskInfo, before: TaskInfo) -> Iterator[Change]:
    """Yield the dictionaries that differ from those that they go on from.

    Raises:
        ConfigError: an id stands for another symbol than it did.
    """
    shared = info.source_dictionary.shares_ids_with(info.target_dictionary)
    for sides in [("source", "target")] if shared else [("source",), ("target",)]:
        now, old = (getattr(of, f"{sides[0]}_dictionary") for of in (info, before))
        ids = old_ids(now, old)
        if ids != [*range(len(old))]:
            yield Change(sides, now, old, ids)


def check_new_symbols(info: TaskInfo, before: TaskInfo, *, asked_for: bool) -> None:
    """Check that there are new symbols only where these were asked for.

    Raises:
        ConfigError: there are others; or an id stands for another symbol than it did.
    """
    for change in changes(info, before):
        if change.new and not asked_for:
            raise ConfigError(f"{change}; set saving.extend_vocabulary=true to give new ones rows in the model")


def changed_rows(task: Task[Any], cfg: ModelConfig, model: Model, before: TaskInfo) -> dict[str, Rows]:
    """Return the rows of each tensor of a model that goes over a dictionary which has changed.

    Raises:
        ConfigError: a tensor goes over some of the symbols only, as those of an adaptive softmax do.
    """
    return {
        name: Rows(dim, change.old_ids, len(change.before))
        for change in changes(task.info, before)
        for name, dim in _dimensions(task, cfg, model_tensors(model), change).items()
    }


def _dimensions(task: Task[Any], cfg: ModelConfig, tensors: Mapping[str, Tensor], change: Change) -> dict[str, int]:
    """Return which dimension of which tensors grows with a dictionary."""
    grown, found = model_tensors(_with_one_more(task, cfg, change.sides)), {}
    for name, tensor in tensors.items():
        larger = [dim for dim, size in enumerate(tensor.shape) if size != grown[name].shape[dim]]
        if larger and (len(larger) > 1 or tensor.shape[larger[0]] != len(change.now)):
            raise ConfigError(
                f"{name} {tuple(tensor.shape)} is for some of the {len(change.now)} symbols only, as in adaptive "
                "embeddings and softmaxes, where frequent symbols come first: such a model keeps the symbols it has"
            )
        if larger:
            found[name] = larger[0]
    return found


def _with_one_more(task: Task[Any], cfg: ModelConfig, sides: Sequence[str]) -> Model:
    """Build a task's model with one symbol more, and no trace of that in the state of random numbers."""
    info = task.info
    dictionaries = {f"{side}_dictionary": getattr(info, f"{side}_dictionary") for side in sides}
    task.info = replace(info, **{name: TaggedDictionary(found, [ONE_MORE]) for name, found in dictionaries.items()})
    try:
        with torch.random.fork_rng(devices=[]):
            return task.build_model(cfg)
    finally:
        task.info = info
