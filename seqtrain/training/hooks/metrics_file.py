"""Writes ``metrics.jsonl``: one JSON object a line, always."""

import json
from pathlib import Path
from typing import Any

from seqtrain.metrics.sums import strict_json
from seqtrain.paths import atomic_file
from seqtrain.training.trainer import Hook, Trainer


class MetricsFile(Hook):
    """Appends each report with its update and epoch; a resume cuts the file back to the checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_start(self, trainer: Trainer) -> None:
        """Drop what was written after the checkpoint that training goes on from."""
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            with atomic_file(self.path) as file:
                file.writelines(line for line in lines if _belongs(line, trainer.state.num_updates))

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Append a line."""
        state = trainer.state
        record: dict[str, Any] = {"num_updates": state.num_updates, "epoch": state.epoch, **metrics}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(strict_json(record | {"seconds": round(state.seconds, 3)}) + "\n")


def _belongs(line: str, num_updates: int) -> bool:
    try:
        return bool(json.loads(line)["num_updates"] <= num_updates)
    except (ValueError, KeyError, TypeError):
        return False
