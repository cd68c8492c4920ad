"""Signals that ask a program to end, as schedulers send them, while it is not training. No torch here."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

REQUEUE = 75
"""Exit code of what is to be started again: EX_TEMPFAIL of BSD's sysexits.h."""


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """Let SIGTERM and SIGUSR1 end the program with exit code 75 wherever it is: what is on disk is whole at any time.

    That holds for what comes before training and after it; meanwhile a hook has them.
    """
    previous: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        previous = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(REQUEUE)
