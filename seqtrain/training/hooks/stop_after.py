"""Ends training after an update, whatever the config says of its length."""

from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer


class StopAfter(Hook):
    """Stops after ``num_updates``; ``interrupted`` says that the run is to go on from there later.

    A run that goes back to a checkpoint comes to an update twice: ``place`` tells which time, by the epoch and the
    micro-batches of it that are done.
    """

    def __init__(self, num_updates: int, *, interrupted: bool, place: tuple[int, int] = (0, 0)) -> None:
        self.num_updates = num_updates
        self.interrupted = interrupted
        self.place = place

    def on_start(self, trainer: Trainer) -> None:
        """Stop at once where a run that is resumed is there already."""
        self._check(trainer)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Stop if the update is reached."""
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        state = trainer.state
        if state.num_updates >= self.num_updates and (state.epoch, state.position) >= self.place:
            trainer.stop(f"update {self.num_updates} is reached", interrupted=self.interrupted)
