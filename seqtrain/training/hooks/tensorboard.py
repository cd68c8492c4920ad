"""Writes TensorBoard event files, when asked."""

from pathlib import Path

from seqtrain.errors import ConfigError
from seqtrain.training.trainer import Hook, Trainer


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

    def on_start(self, trainer: Trainer) -> None:
        """Open the event file; of an earlier one only what is up to this update counts."""
        self.writer = self._new_writer(str(self.directory), purge_step=trainer.state.num_updates + 1)

    def on_return(self, trainer: Trainer) -> None:
        """Of what was written, only what is up to this update counts."""
        self.writer.close()
        self.on_start(trainer)

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Write a point of each metric."""
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, trainer.state.num_updates)

    def on_end(self, trainer: Trainer) -> None:
        """Close the event file."""
        self.writer.close()
