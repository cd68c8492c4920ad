"""Recovery from faulty updates: name what is wrong, skip it, go back where that is needed, go on.

A loss or gradient that is not finite, or a gradient that is far larger than usual, is found before it is applied: the
parameters are then those of the last good update, and skipping the update's sentences is enough. Where parameters have
become unusable all the same, or fault follows fault, training goes back to its last checkpoint and skips all sentences
from there to here (as Chowdhery et al. 2022, §5.1, did by hand).
"""

import json
import logging
import statistics
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqtrain.base import Batch, LossOutput
from seqtrain.config import TrainingConfig
from seqtrain.errors import StorageError, TrainingError
from seqtrain.paths import atomic_file, remove_leftovers
from seqtrain.training.guard import FaultyUpdate, Guard
from seqtrain.training.not_finite import find_origin
from seqtrain.training.out_of_memory import Halving
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Trainer

log = logging.getLogger(__name__)

USUAL = 64
"""Updates whose gradients say what is usual."""
PATIENCE = 3
"""Faulty updates in a row after which the parameters themselves are under suspicion."""


class Recovery(Guard):
    """Skips faulty updates, up to ``training.max_faults``; does what does not fit into memory in halves.

    Args:
        cfg: how many faults to bear, and what counts as one.
        reports: directory for a report on each fault.
        go_back: restores the last checkpoint; tells whether there is one.
        watched: modules among which the origin of a fault is looked for, by name; the model first.
    """

    def __init__(
        self,
        cfg: TrainingConfig,
        reports: Path,
        go_back: Callable[[Trainer], bool],
        watched: Mapping[str, nn.Module],
    ) -> None:
        self.cfg = cfg
        self.reports = reports
        self.go_back = go_back
        self.watched = watched
        self.skipped: list[dict[str, list[int]]] = []
        """What was left out: from (epoch, micro-batch) to before (epoch, micro-batch)."""
        self.faults = 0
        self._in_a_row = 0
        self._norms: deque[float] = deque(maxlen=USUAL)
        self._memory = Halving()

    def update(self, trainer: Trainer, batches: Sequence[Batch]) -> UpdateResult | None:
        """Do an update, or skip it if it is faulty.

        Raises:
            TrainingError: there were more faults than ``training.max_faults``.
        """
        try:
            result = trainer.update(batches)
        except FaultyUpdate as fault:
            what = str(fault)
        else:
            self._in_a_row = 0 if result is not None else self._in_a_row
            return result
        trainer.parts.optimizer.zero_grad()
        self._skip(trainer, batches, what)
        return None

    def accumulate(self, trainer: Trainer, batches: Sequence[Batch]) -> list[LossOutput]:
        """Add up the gradients of the batches, in halves where memory is lacking."""
        return self._memory.accumulate(trainer, batches)

    def judge(self, norm: float) -> None:
        """Compare the norm of a gradient with the usual one.

        Raises:
            FaultyUpdate: it is a spike.
        """
        usual = statistics.median(self._norms) if len(self._norms) == USUAL else 0.0
        if 0 < self.cfg.spike_factor * usual < norm:
            raise FaultyUpdate(f"the norm of its gradient is {norm:.4g}, the usual one is {usual:.4g}")
        self._norms.append(norm)

    def _skip(self, trainer: Trainer, batches: Sequence[Batch], what: str) -> None:
        state = trainer.state
        here = [state.epoch, state.position]
        behind = [state.epoch, state.position + len(batches) * trainer.shard.world]
        self.faults += 1
        self._in_a_row += 1
        report = self._report(trainer, batches, what, here)
        if self.faults > self.cfg.max_faults:
            raise TrainingError(
                f"{report}; that is fault {self.faults}, and training.max_faults={self.cfg.max_faults}. "
                f"{self._advice()}"
            )
        if self._in_a_row >= PATIENCE or not _all_finite(trainer):
            here = self._go_back(trainer, report)
        else:
            log.warning("%s; skipped, the parameters are as they were", report)
        self.skipped.append({"from": here, "to": behind})

    def _go_back(self, trainer: Trainer, report: str) -> list[int]:
        """Restore the last checkpoint, but stay at this place of the data; return the checkpoint's place."""
        place, mine = trainer.state, self.state_dict()
        if not self.go_back(trainer):
            raise TrainingError(
                f"{report}; it is fault {self.faults}, and there is no checkpoint to go back to. {self._advice()}"
            )
        self.load_state_dict(mine | {"in_a_row": 0})
        state, parts = trainer.state, trainer.parts
        then = [state.epoch, state.position]
        parts.lr_scheduler.step_update(state.num_updates)
        for epoch in range(state.epoch, place.epoch):
            parts.lr_scheduler.step(epoch, state.val_loss)
            state.val_loss = None
        state.epoch, state.position, state.end_of_epoch = place.epoch, place.position, place.end_of_epoch
        log.warning("%s; gone back to update %d, without what came after it", report, state.num_updates)
        for hook in trainer.hooks:
            hook.on_return(trainer)
        return then

    def _advice(self) -> str:
        return (
            f"Reports are in {self.reports}: look at those sentences; or in a new run lower optimizer.lr, "
            "lengthen the warm-up or set training.clip_norm"
        )

    def _report(self, trainer: Trainer, batches: Sequence[Batch], what: str, here: list[int]) -> str:
        """Find the origin, write all of it to a file, and return a line."""
        epoch, position = here
        origin, batch = self._origin(trainer, batches)
        suspects = batches if batch is None else [batch]
        numbers = [number for one in suspects for number in one.ids.tolist()]
        sentences = trainer.parts.task.places("train", numbers)
        update = trainer.state.num_updates + 1
        file = self.reports / f"update-{update:08d}-epoch-{epoch}-{position}.json"
        record = {"update": update, "epoch": epoch, "micro_batches": [position, position + len(batches)]}
        record |= {"fault": what, "origin": origin, "sentences": sentences}
        _write(file, record)
        first = f", first in {origin}" if origin else ""
        return f"update {update} is faulty: {what}{first}, with {', '.join(sentences[:3])} ... ({file})"

    def _origin(self, trainer: Trainer, batches: Sequence[Batch]) -> tuple[str, Batch | None]:
        """Run the batches again, watched; return what first was not finite, and in which batch."""
        try:
            for batch in batches:
                if origin := find_origin(self.watched, partial(self._memory.accumulate, trainer, [batch])):
                    return origin, batch
        finally:
            trainer.parts.optimizer.zero_grad()
        return "", None

    def state_dict(self) -> dict[str, Any]:
        """Return all that a replay has to know."""
        mine = {"skipped": self.skipped, "faults": self.faults, "in_a_row": self._in_a_row}
        return mine | {"norms": list(self._norms)} | self._memory.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
        self.skipped, self.faults, self._in_a_row = list(state["skipped"]), state["faults"], state["in_a_row"]
        self._norms = deque(state["norms"], maxlen=USUAL)
        self._memory.load_state_dict(state)


def _write(file: Path, record: dict[str, Any]) -> None:
    try:
        file.parent.mkdir(exist_ok=True)
        remove_leftovers(file.parent)  # a replay comes to the same fault again
        with atomic_file(file) as stream:
            stream.write(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    except (OSError, StorageError) as error:  # the log says the same, but for the list of sentences
        log.warning("no report on a faulty update: %s", error)


def _all_finite(trainer: Trainer) -> bool:
    tensors = [*trainer.parts.model.parameters(), *trainer.parts.optimizer.state_dict().values()]
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
