"""Micro-batches that do not fit into memory are done in halves: same sentences, same sums, nothing dropped."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch

from seqtrain.base import Batch, LossOutput
from seqtrain.errors import TrainingError
from seqtrain.training.trainer import Trainer

log = logging.getLogger(__name__)

SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What the errors of CUDA, Metal, torch's allocator on a CPU and cuBLAS, which takes memory of its own, say."""


class Halving:
    """Accumulates gradients, and remembers how many sentences of which length fit."""

    def __init__(self) -> None:
        self._caps: dict[int, int] = {}

    def accumulate(self, trainer: Trainer, batches: Sequence[Batch]) -> list[LossOutput]:
        """Add up the gradients of the batches, in as few pieces as fit.

        Raises:
            TrainingError: a single sentence does not fit.
        """
        while True:
            outputs, too_large = _try(trainer, [piece for batch in batches for piece in self.pieces(batch)])
            if too_large is None:
                return outputs
            # Of the micro-batches before it too: the update begins again.
            trainer.parts.optimizer.zero_grad()
            self._remember(too_large)
            for backend in (torch.cuda, torch.mps):
                if backend.is_available():
                    backend.empty_cache()

    def pieces(self, batch: Batch) -> list[Batch]:
        """Return a batch in pieces of equal size that fit, by what did not fit before."""
        cap = min((rows for longest, rows in self._caps.items() if longest <= batch.longest), default=batch.nsentences)
        if batch.nsentences <= cap:
            return [batch]
        size = math.ceil(batch.nsentences / math.ceil(batch.nsentences / cap))
        starts = range(0, batch.nsentences, size)
        return [batch.rows(start, min(start + size, batch.nsentences)) for start in starts]

    def _remember(self, batch: Batch) -> None:
        if batch.nsentences == 1:
            raise TrainingError(
                f"out of memory on one sentence of {batch.longest} tokens: leave out sentences as long as that "
                "(task.max_source_positions, task.max_target_positions) or take a smaller model"
            )
        cap = self._caps[batch.longest] = math.ceil(batch.nsentences / 2)
        log.warning(
            "out of memory on %d sentences of up to %d tokens: done again, and from here on, %d at a time; "
            "a lower dataset.max_tokens avoids that",
            *(batch.nsentences, batch.longest, cap),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return how many sentences of which length, or longer, fit: what a replay has to know."""
        return {"caps": [list(cap) for cap in self._caps.items()]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
        self._caps = {int(longest): int(rows) for longest, rows in state["caps"]}


def _try(trainer: Trainer, pieces: Sequence[Batch]) -> tuple[list[LossOutput], Batch | None]:
    """Return the outputs, or the first piece that does not fit; by then its error, and what that holds, is gone."""
    outputs: list[LossOutput] = []
    for piece in pieces:
        try:
            outputs.append(trainer.train_step(piece))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return [], piece
    return outputs, None


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error says that memory was lacking."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(sign in str(error) for sign in SIGNS)
