"""Writes TensorBoard event files, when asked."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from seqtrain.errors import ConfigError
from seqtrain.training.trainer import Hook, Trainer

log = logging.getLogger(__name__)


class TensorBoard(Hook):
    """Writes each report into ``tensorboard/`` of the run directory."""

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "tracking.tensorboard=true needs the package tensorboard: pip install 'seqtrain[tensorboard]'"
            ) from error
        self.directory = directory
        self._new_writer = SummaryWriter
        self._refused = False

    def on_start(self, trainer: Trainer) -> None:
        """Open the event file; of an earlier one only what is up to this update counts."""
        self.writer = self._new_writer(str(self.directory), purge_step=trainer.state.num_updates + 1)

    def on_return(self, trainer: Trainer) -> None:
        """Of what was written, only what is up to this update counts."""
        with self._going_on():
            self.writer.close()
            self.on_start(trainer)

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Write a point of each metric."""
        with self._going_on():
            for name, value in metrics.items():
                self.writer.add_scalar(name, value, trainer.state.num_updates)

    def on_end(self, trainer: Trainer) -> None:
        """Close the event file."""
        with self._going_on():
            self.writer.close()

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """Say once that the disk refuses, and go on without these files."""
        try:
            yield
        except OSError as error:
            if not self._refused:
                log.warning("cannot write %s: %s; it will lack points", self.directory, error)
            self._refused = True
