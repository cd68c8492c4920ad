"""Writes ``metrics.jsonl``: one JSON object a line, always."""

import logging
import os
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from seqtrain.errors import StorageError
from seqtrain.metrics.sums import strict_json
from seqtrain.paths import writable
from seqtrain.training.trainer import Hook, Trainer

log = logging.getLogger(__name__)


class MetricsFile(Hook):
    """Appends each report with its update and epoch; going back to a checkpoint cuts the file back to it.

    Lines that the disk refuses are kept, in checkpoints too, and written before the next one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = 0
        self._bytes = 0
        self._unwritten: list[str] = []

    def on_start(self, trainer: Trainer) -> None:
        """Drop what was written after the checkpoint that training goes on from, and what is half written."""
        whole = self._lines - len(self._unwritten)
        if self.path.exists():
            with writable(self.path):
                with self.path.open("rb") as file:
                    self._bytes = sum(len(line) for line in islice(file, whole) if line.endswith(b"\n"))
                os.truncate(self.path, self._bytes)  # in place: a full disk has no room for a copy
        self._write()

    def on_return(self, trainer: Trainer) -> None:
        """Drop what was written after the checkpoint that training has gone back to."""
        self.on_start(trainer)

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Append a line."""
        state = trainer.state
        record: dict[str, Any] = {"num_updates": state.num_updates, "epoch": state.epoch, **metrics}
        self._unwritten.append(strict_json(record | {"seconds": round(state.seconds, 3)}) + "\n")
        self._lines += 1
        self._write()

    def on_end(self, trainer: Trainer) -> None:
        """Try once more to write what the disk refused.

        Raises:
            StorageError: training has come to its end, and the file has not.
        """
        self._write()
        if self._unwritten and trainer.ended and sys.exc_info()[0] is None:
            raise StorageError(
                f"{self.path} lacks its last {len(self._unwritten)} lines, which the disk refuses; the last checkpoint "
                f"has them: make room, and resume={self.path.parent} writes them"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return how many lines there are, and those that are not in the file.

        Updates alone do not tell lines apart: one that is skipped has no number.
        """
        return {"lines": self._lines, "unwritten": list(self._unwritten)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after so many lines."""
        self._lines, self._unwritten = state["lines"], list(state["unwritten"])

    def _write(self) -> None:
        """Write what is not written yet, after the lines that are whole."""
        if not self._unwritten:
            return
        content = "".join(self._unwritten).encode()
        try:
            with self.path.open("ab") as file:
                self._bytes = min(self._bytes, file.tell())
                file.truncate(self._bytes)
                file.write(content)
        except OSError as error:
            if len(self._unwritten) == 1:
                log.warning("cannot write %s: %s; its lines are kept until it can be written", self.path, error)
            return
        self._bytes += len(content)
        self._unwritten = []
