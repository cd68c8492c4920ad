"""Runs ``python -m seqtrain`` with the words of this command line, and tells what it was doing up to its first update.

The clock is that of the whole process: it begins when Python is started. The last line printed is a JSON object, the
seconds of each phase; the phases follow one another, and what is between two belongs to the later one.
"""

import functools
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def seconds_of_process() -> float:
    """Return how long ago this process was started, to 10 ms."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


class Phases:
    """Notes when phases end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._before = 0.0

    def end(self, phase: str) -> None:
        """Note that a phase ends now; it may come in several pieces."""
        now = seconds_of_process()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._before
        self._before = now

    def watch(self, place: Any, name: str, before: str, phase: str) -> None:
        """Let a function of ``place`` end the phase ``before`` when it begins, and ``phase`` when it ends."""
        function: Callable[..., Any] = getattr(place, name)

        @functools.wraps(function)
        def watched(*arguments: Any, **options: Any) -> Any:
            self.end(before)
            try:
                return function(*arguments, **options)
            finally:
                self.end(phase)

        setattr(place, name, watched)


class FirstUpdate(BaseException):
    """Ends the program."""


def watch_training(phases: Phases) -> None:
    """Watch what is only imported when the config is right."""
    session = importlib.import_module("seqtrain.training.session")
    phases.end("import the trainer")
    trainer = importlib.import_module("seqtrain.training.trainer")
    phases.watch(session, "prepare_task", "build the task", "prepare the data")
    phases.watch(session.Session, "build", "open the run directory, set torch up", "build the model and optimizer")
    phases.watch(trainer.Trainer, "update", "first batch", "first update")
    update = trainer.Trainer.update

    def first(*arguments: Any) -> None:
        update(*arguments)
        raise FirstUpdate

    trainer.Trainer.update = first


def main(words: list[str]) -> None:
    """Run the program up to its first update."""
    phases = Phases()
    phases.end("start Python")
    from seqtrain import cli, without_torch
    from seqtrain.commands._words import Words

    phases.end("import the command line, Hydra")
    phases.watch(without_torch, "register", "import the command line, Hydra", "read plug-ins without torch")
    phases.watch(Words, "compose", "check the config", "compose the config")
    phases.watch(without_torch, "undo", "check the config", "import torch and plug-ins")
    run = cli.run

    def watched(*arguments: Any) -> Any:
        phases.end("check the config")
        watch_training(phases)
        return run(*arguments)

    cli.run = watched
    try:
        cli.main(words)
    except FirstUpdate:
        print(json.dumps(phases.seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
