"""Ctrl-C, SIGTERM and SIGUSR1: finish the update, save, end; a second one ends at once."""

import contextlib
import logging
import signal
import threading
from types import FrameType
from typing import Any

from seqtrain.signals import REQUEUE
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGUSR1: "SIGUSR1"}
"""What ends training, by number: schedulers send SIGTERM, and Slurm what ``--signal`` says, such as ``USR1@120``."""
AFTER_CTRL_C = 130
log = logging.getLogger(__name__)


class Interrupt(Hook):
    """Turns the first signal into a stop after the update that is under way, with its validation if one is due."""

    def __init__(self) -> None:
        self._received = 0
        self._previous: dict[int, Any] = {}

    def on_start(self, trainer: Trainer) -> None:
        """Take over the signals; only a main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in NAMES:
                self._previous[number] = signal.signal(number, self._receive)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Stop if a signal came."""
        if self._received:
            trainer.stop(NAMES[signal.Signals(self._received)], interrupted=True)

    def on_end(self, trainer: Trainer) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        for other, handler in self._previous.items():
            signal.signal(other, handler)
        with contextlib.suppress(RuntimeError):  # it came while the same stream was being written
            log.info("ending after this update; once more to end at once")


def exit_code(trainer: Trainer) -> int:
    """Return with which code the program ends after training: 0, or that of what interrupted it."""
    if not trainer.interrupted:
        return 0
    return AFTER_CTRL_C if trainer.stop_reason == NAMES[signal.SIGINT] else REQUEUE
