"""Writes ``metrics.jsonl``: one JSON object a line, always."""

from pathlib import Path
from typing import Any

from seqtrain.metrics.sums import strict_json
from seqtrain.paths import atomic_file
from seqtrain.training.trainer import Hook, Trainer


class MetricsFile(Hook):
    """Appends each report with its update and epoch; going back to a checkpoint cuts the file back to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = 0

    def on_start(self, trainer: Trainer) -> None:
        """Drop what was written after the checkpoint that training goes on from."""
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            with atomic_file(self.path) as file:
                file.writelines(line for line in lines[: self._lines] if line.endswith("\n"))

    def on_return(self, trainer: Trainer) -> None:
        """Drop what was written after the checkpoint that training has gone back to."""
        self.on_start(trainer)

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Append a line."""
        state = trainer.state
        record: dict[str, Any] = {"num_updates": state.num_updates, "epoch": state.epoch, **metrics}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(strict_json(record | {"seconds": round(state.seconds, 3)}) + "\n")
        self._lines += 1

    def state_dict(self) -> dict[str, Any]:
        """Return how many lines there are; updates alone do not say, for one that is skipped has no number."""
        return {"lines": self._lines}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after so many lines."""
        self._lines = state["lines"]
