"""Ends training at its limits: updates, epochs, hours."""

import time

from seqtrain.config import TrainingConfig
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer


class Limits(Hook):
    """Stops at ``max_update`` and ``max_epoch``, and at ``stop_time_hours`` to be resumed; keeps the clock."""

    def __init__(self, cfg: TrainingConfig) -> None:
        self.cfg = cfg
        self._since = 0.0
        self._before = 0.0

    def on_start(self, trainer: Trainer) -> None:
        """Start the clock, and stop at once where a run that is resumed has ended already."""
        self._since, self._before = time.monotonic(), trainer.state.seconds
        self._check(trainer)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Stop at a limit."""
        seconds = time.monotonic() - self._since
        trainer.state.seconds = self._before + seconds
        self._check(trainer)
        # A checkpoint of this update may be there already, from before it was skipped: a resume would come here again.
        if trainer.state.applied and 0 < self.cfg.stop_time_hours * 3600 <= seconds:
            trainer.stop(f"training.stop_time_hours={self.cfg.stop_time_hours} is reached", interrupted=True)

    def _check(self, trainer: Trainer) -> None:
        cfg, state = self.cfg, trainer.state
        if 0 < cfg.max_update <= state.num_updates:
            trainer.stop(f"training.max_update={cfg.max_update} is reached")
        elif 0 < cfg.max_epoch <= state.epochs_done:
            trainer.stop(f"training.max_epoch={cfg.max_epoch} is reached")
