"""What people see while training: a bar on a terminal, plain lines elsewhere."""

import logging
import math

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from seqtrain.config import TrainingConfig
from seqtrain.metrics.sums import to_log_base
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer

log = logging.getLogger(__name__)

SHORT = {
    "train/loss": "loss",
    "train/ppl": "ppl",
    "train/grad_norm": "norm",
    "train/lr": "lr",
    "train/tokens_per_second": "tokens/s",
}
"""What the bar shows of a report, and what it calls it."""


class ProgressLines(Hook):
    """Logs each report as a line."""

    def __init__(self, cfg: TrainingConfig) -> None:
        self.cfg = cfg

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Log a line."""
        state = trainer.state
        log.info("epoch %d, update %d: %s", state.epoch, state.num_updates, describe(metrics, self.cfg.log_base))


class ProgressBar(Hook):
    """Shows epoch, updates, loss, speed and time left in one line at the bottom of a terminal."""

    def __init__(self, cfg: TrainingConfig, console: Console) -> None:
        self.cfg = cfg
        self.console = console

    def on_start(self, trainer: Trainer) -> None:
        """Draw the bar."""
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}{task.fields[of]} updates"),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            expand=True,
        )
        total = self.cfg.max_update or None
        of = f"/{total}" if total else ""
        self.bar: TaskID = self.progress.add_task("", total=total, epoch=trainer.state.epoch, of=of, numbers="")
        self.progress.start()

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Move on."""
        self.progress.update(self.bar, completed=trainer.state.num_updates, epoch=trainer.state.epoch)

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Show the newest numbers of training."""
        shown = {short: metrics[name] for name, short in SHORT.items() if name in metrics}
        if shown:
            self.progress.update(self.bar, numbers=describe(shown, self.cfg.log_base))

    def on_end(self, trainer: Trainer) -> None:
        """Remove the bar."""
        self.progress.stop()


def describe(metrics: dict[str, float], log_base: float) -> str:
    """Return metrics as readable text, losses in units of ``log_base``."""
    return ", ".join(f"{name} {_number(value)}" for name, value in to_log_base(metrics, log_base).items())


def _number(value: float) -> str:
    if math.isfinite(value) and abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
