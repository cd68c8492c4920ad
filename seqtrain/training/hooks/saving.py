"""Saves checkpoints when due, when a validation is among the best, and when training ends."""

from collections.abc import Callable
from functools import partial

from seqtrain.config import SavingConfig
from seqtrain.training.checkpoint_writer import REFUSALS, CheckpointWriter, Write, persistently
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer

Capture = Callable[[Trainer, dict[str, float]], Write]
"""Copies what a checkpoint holds: the metrics are those of a validation at this update, or none."""


class Saving(Hook):
    """Takes a copy of this moment with ``capture``, which a thread writes while training goes on.

    Which checkpoints there are after an update depends on the run, never on how fast the disk is: what looks at the
    directory, or is the next to be saved, waits.
    """

    def __init__(self, cfg: SavingConfig, run: RunDirectory, capture: Capture) -> None:
        self.cfg = cfg
        self.run = run
        self.capture = capture
        self.writer = CheckpointWriter(run)
        self._metrics: dict[str, float] = {}

    def on_start(self, trainer: Trainer) -> None:
        """Make ``best`` and ``last`` agree with what is there."""
        self.writer.open()

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Remember a validation's metrics until the end of this update."""
        if self.cfg.metric in metrics:
            self._metrics = dict(metrics)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Save if it is due."""
        metrics, self._metrics = self._metrics, {}
        state = trainer.state
        is_due = state.is_due(self.cfg.interval_epochs, self.cfg.interval_updates)
        if is_due or metrics or trainer.stop_reason:
            self.writer.wait(state.num_updates)
        if counts := is_due or self._is_best(metrics) or trainer.ended:
            state.saved = state.num_updates
        if counts or trainer.stop_reason:
            path = self.run.checkpoint_path(state.num_updates)
            self.writer.put(path, partial(self.capture, trainer, metrics), state.num_updates)
        self.writer.check(state.num_updates)
        if trainer.stop_reason:
            self.writer.finish()

    def on_end(self, trainer: Trainer) -> None:
        """Wait for the checkpoint under way."""
        self.writer.close()

    def _is_best(self, metrics: dict[str, float]) -> bool:
        """Tell whether this validation is among the best; yes if the disk does not say."""
        if not metrics:
            return False
        try:
            return persistently(partial(self.run.is_among_best, metrics[self.cfg.metric]))
        except REFUSALS:
            return True
