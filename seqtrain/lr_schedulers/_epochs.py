"""What schedulers share whose rate goes by epochs."""

from typing import Any

from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, Optimizer
from seqtrain.lr_schedulers._state import saved


class EpochScheduler(LRScheduler):
    """A scheduler that knows which epoch it is in."""

    def __init__(self, cfg: LRSchedulerConfig, optimizer: Optimizer) -> None:
        super().__init__(cfg, optimizer)
        self.epoch = 1
        """The epoch, from 1, that the scheduler is in."""

    def step(self, epoch: int, val_loss: float | None) -> None:
        """Go on to the epoch after ``epoch``, and to its rate."""
        self.epoch = epoch + 1
        self.step_update(self.num_updates)

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch, from 1, that the scheduler is in."""
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned.

        Raises:
            CheckpointError: it is the state of another scheduler.
        """
        self.epoch = saved(state, "epoch")
