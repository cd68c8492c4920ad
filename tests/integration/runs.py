"""What tests of whole runs share: their metrics but for the clock, and signals in the middle of an update."""

import json
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.training.hooks.limits import Limits
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Trainer

TIMED = ("seconds", "train/tokens_per_second")
"""What depends on the clock."""


def untimed(values: dict[str, Any]) -> dict[str, Any]:
    """Return values without those that depend on the clock."""
    return {name: value for name, value in values.items() if name not in TIMED}


def untimed_lines(lines: Iterable[str | bytes]) -> list[dict[str, Any]]:
    """Return the reports that lines of ``metrics.jsonl`` hold, without what depends on the clock."""
    return [untimed(json.loads(line)) for line in lines]


def metrics(run: Path) -> list[dict[str, Any]]:
    """Return the reports of a run without what depends on the clock."""
    return untimed_lines((run / "metrics.jsonl").read_text().splitlines())


def send_in_update(monkeypatch: pytest.MonkeyPatch, update: int, number: int = signal.SIGINT) -> None:
    """Let a signal come during an update; without a number that of Ctrl-C."""
    on_update = Limits.on_update

    def send(self: Limits, trainer: Trainer, result: UpdateResult | None) -> None:
        if trainer.state.num_updates == update:
            signal.raise_signal(number)
        on_update(self, trainer, result)

    monkeypatch.setattr(Limits, "on_update", send)
