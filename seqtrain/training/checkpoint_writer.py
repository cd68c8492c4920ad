"""Writes checkpoints in a thread beside training, and goes on trying where the file system refuses."""

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from seqtrain.errors import CheckpointError, StorageError
from seqtrain.manifest import MANIFEST
from seqtrain.paths import remove_leftovers, writable
from seqtrain.training.run_directory import RunDirectory

T = TypeVar("T")
Write = Callable[[Path], object]
"""Writes a checkpoint, of which it holds the content, into a directory that is not there yet."""

WAITS = (0.1, 0.4, 1.6)
"""Seconds to wait after the first attempt, the second, ..., before the next one at once."""
REFUSALS = (OSError, StorageError, CheckpointError)
"""What storage that fails raises."""
FULL = (errno.ENOSPC, errno.EDQUOT)
log = logging.getLogger(__name__)


class CheckpointWriter:
    """Writes one checkpoint at a time, and cleans up after it (``RunDirectory.refresh``).

    One that cannot be written is kept, and tried again after 1, 2, 4, ... updates, until it is written or a newer one
    takes its place. Without any good checkpoint in the run directory there is an error instead. All that is decided and
    logged, is in the thread that calls; errors surface there.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="saving")
        self._under_way: Future[None] | None = None
        self._job: tuple[Path, Write] | None = None
        self._last_good: Path | None = None
        self._failures = 0
        self._try_at = 0

    def open(self) -> None:
        """Make ``best`` and ``last`` agree with what is there.

        Raises:
            StorageError: the file system refuses.
        """
        with writable(self.run.path):
            self.run.checkpoints.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.run.path)
            persistently(self.run.refresh)
            self._last_good = next((saved.path for saved in reversed(self.run.sound())), None)

    def put(self, path: Path, capture: Callable[[], Write], num_updates: int) -> None:
        """Begin to write a checkpoint that is not there yet, after :meth:`wait`; one that could not be gives way."""
        if _is_there(path):
            return
        self._job = None  # first: no more than one copy is in memory
        self._job = (path, capture())
        if num_updates >= self._try_at:
            self._begin()

    def wait(self, num_updates: int) -> None:
        """Wait for the one under way.

        Raises:
            StorageError: it could not be written, and there is no good one.
        """
        self._settle(num_updates)

    def check(self, num_updates: int) -> None:
        """See, without waiting, how the one under way is; try again what could not be written if it is time.

        Raises:
            StorageError: it could not be written, and there is no good one.
        """
        if self._under_way is not None and self._under_way.done():
            self._settle(num_updates)
        if self._under_way is None and self._job is not None and num_updates >= self._try_at:
            self._begin()

    def finish(self) -> None:
        """Wait until all is written.

        Raises:
            StorageError: it cannot be.
        """
        if self._under_way is None and self._job is not None:
            self._begin()
        self._settle(None)

    def go_back_to(self, path: Path) -> None:
        """Drop what could not be written, and remove what is newer than a checkpoint: training goes on from there.

        Only an interrupt leaves a newer one. It would stand where checkpoints of the new course come to stand, be taken
        for the last one, and push them out.

        Raises:
            StorageError: the file system refuses.
        """
        self._forget()
        with writable(self.run.path):
            persistently(partial(self.run.go_back_to, path))
        self._last_good = path

    def _forget(self) -> None:
        self._job, self._failures, self._try_at = None, 0, 0

    def close(self) -> None:
        """End the thread when it has written the one under way; training has ended, maybe by an error of its own."""
        self._threads.shutdown()
        if self._under_way is not None and (error := self._under_way.exception()) is not None:
            log.warning("%s", self._problem(error))

    def _begin(self) -> None:
        assert self._job is not None
        self._under_way = self._threads.submit(persistently, partial(self._attempt, *self._job))

    def _attempt(self, path: Path, write: Write) -> None:
        if not _is_there(path):
            remove_leftovers(path.parent)
            try:
                write(path)
            except StorageError as error:
                if isinstance(error.__cause__, OSError) and error.__cause__.errno in FULL:
                    self.run.make_room()
                raise
        self.run.refresh()

    def _settle(self, num_updates: int | None) -> None:
        """Wait, and see how it went; None if there will be no later update."""
        if self._under_way is None:
            return
        error = self._under_way.exception()
        self._under_way = None
        if error is None:
            self._succeeded()
        elif isinstance(error, REFUSALS):
            self._failed(error, num_updates)
        else:
            raise error

    def _succeeded(self) -> None:
        assert self._job is not None
        self._last_good = self._job[0]
        if self._failures:
            log.info("saved %s after all", self._last_good)
        self._forget()

    def _failed(self, error: BaseException, num_updates: int | None) -> None:
        assert self._job is not None
        path = self._job[0]
        problem = self._problem(error)
        good = next((p for p in (path, self._last_good) if p is not None and _is_there(p)), None)
        if good is None:
            raise StorageError(
                f"{problem}; this run has no good checkpoint yet: make room or mend that, and start again"
            )
        if num_updates is None:
            raise StorageError(
                f"{problem}; the last good checkpoint is {good}: make room or mend that, "
                f"and resume={self.run.path} goes on from it"
            )
        self._last_good = good
        self._failures += 1
        self._try_at = num_updates + 2 ** (self._failures - 1)
        log.warning(
            "%s; training goes on, the next try is after update %d; the last good checkpoint is %s",
            *(problem, self._try_at, good),
        )

    def _problem(self, error: BaseException) -> str:
        assert self._job is not None
        return f"cannot save {self._job[0]}: {error.__cause__ if isinstance(error, StorageError) else error}"


def persistently(action: Callable[[], T]) -> T:
    """Return what an action returns; where storage refuses it, try again a few times."""
    for wait in WAITS:
        with contextlib.suppress(*REFUSALS):
            return action()
        time.sleep(wait)
    return action()


def _is_there(path: Path) -> bool:
    return os.path.lexists(path / MANIFEST)
