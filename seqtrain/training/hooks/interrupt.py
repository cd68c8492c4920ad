"""Ctrl-C and SIGTERM: finish the update, save, end; a second one ends at once."""

import logging
import signal
import threading
from types import FrameType
from typing import Any

from seqtrain.training.trainer import Hook, Trainer, UpdateResult

log = logging.getLogger(__name__)


class Interrupt(Hook):
    """Turns the first signal into a stop after the update that is under way."""

    def __init__(self) -> None:
        self._received = False
        self._previous: dict[int, Any] = {}

    def on_start(self, trainer: Trainer) -> None:
        """Take over the signals; only a main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._receive)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Stop if a signal came."""
        if self._received:
            trainer.stop("interrupted", interrupted=True)

    def on_end(self, trainer: Trainer) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = True
        log.info("ending after this update; once more to end at once")
        for other, handler in self._previous.items():
            signal.signal(other, handler)
