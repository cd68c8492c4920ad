"""What may go wrong with an update, and what stands between that and the loop."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqtrain.base import Batch, LossOutput
from seqtrain.errors import TrainingError
from seqtrain.training.state import UpdateResult

if TYPE_CHECKING:
    from seqtrain.training.trainer import Trainer


class FaultyUpdate(TrainingError):
    """An update must not be applied: its loss or its gradient is not what it should be. Nothing was changed."""


class Guard:
    """What stands between the loop and the faults of an update. This one knows no remedy: a fault ends training."""

    def update(self, trainer: "Trainer", batches: Sequence[Batch]) -> UpdateResult | None:
        """Do an update; None if it was not applied."""
        return trainer.update(batches)

    def accumulate(self, trainer: "Trainer", batches: Sequence[Batch]) -> list[LossOutput]:
        """Add up the gradients of the batches."""
        return [trainer.train_step(batch) for batch in batches]

    def judge(self, norm: float) -> None:
        """Look at the norm of an averaged gradient, which is finite, before it is applied.

        Raises:
            FaultyUpdate: it is not to be applied.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return the guard's own state, as JSON can hold it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""


def check_finite(number: float, what: str) -> float:
    """Return a number.

    Raises:
        FaultyUpdate: it is not finite.
    """
    if not math.isfinite(number):
        raise FaultyUpdate(f"the {what} is not finite ({number})")
    return number
