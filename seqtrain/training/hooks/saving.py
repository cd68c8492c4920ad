"""Saves checkpoints when due, when a validation is among the best, and when training ends."""

from collections.abc import Callable
from pathlib import Path

from seqtrain.config import SavingConfig
from seqtrain.paths import remove_leftovers
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.trainer import Hook, Trainer, UpdateResult


class Saving(Hook):
    """Saves with ``write(trainer, directory, metrics)``: the metrics of a validation at this update, or none."""

    def __init__(
        self, cfg: SavingConfig, run: RunDirectory, write: Callable[[Trainer, Path, dict[str, float]], None]
    ) -> None:
        self.cfg = cfg
        self.run = run
        self.write = write
        self._metrics: dict[str, float] = {}

    def on_start(self, trainer: Trainer) -> None:
        """Remove what a killed process left unfinished; make ``best`` and ``last`` agree with what is there."""
        remove_leftovers(self.run.path)
        self.run.checkpoints.mkdir(parents=True, exist_ok=True)
        self.run.refresh()

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Remember a validation's metrics until the end of this update."""
        if self.cfg.metric in metrics:
            self._metrics = dict(metrics)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Save if it is due."""
        metrics, self._metrics = self._metrics, {}
        is_best = bool(metrics) and self.run.is_among_best(metrics[self.cfg.metric])
        is_due = trainer.state.is_due(self.cfg.interval_epochs, self.cfg.interval_updates)
        if trainer.stop_reason or is_best or is_due:
            path = self.run.checkpoint_path(trainer.state.num_updates)
            if not path.exists():
                self.write(trainer, path, metrics)
            self.run.refresh()
