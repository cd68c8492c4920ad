"""Processes that decode batches: each has a model of its own, and gets the next batch when it is done with one.

Text becomes batches in the process that asks, and what is found becomes text there: so the batches are the same, and
what is found of them, however many processes there are.
"""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import SimpleQueue
from types import TracebackType
from typing import NamedTuple

from seqtrain.base import Batch
from seqtrain.errors import SeqtrainError
from seqtrain.generation.worker import Found, SetUp, packed, serve, unpacked

PATIENCE_SECONDS = 5.0
"""Time that a process has to end when it is told to."""


class Worker(NamedTuple):
    """A process, and the way to it."""

    process: multiprocessing.process.BaseProcess
    connection: "Connection[bytes, bytes]"


class Workers:
    """Some processes; they begin when this is entered, and end when it is left, whatever they are doing.

    Args:
        set_up: gives a worker, called by its number there, what decodes a batch; it is pickled.
        count: processes.
        windows: how many windows of lines are under way at a time.
        report: told of what was found of a batch when it is taken, and of the seconds since another one was.
    """

    def __init__(self, set_up: SetUp, count: int, windows: int, report: Callable[[Found, float], None]) -> None:
        self.count = count
        self.windows = windows
        self._set_up = set_up
        self._report = report
        self._workers: list[Worker] = []
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._asked = 0  # and not taken
        self._since = 0.0

    def __enter__(self) -> "Workers":
        """Start the processes."""
        resource_tracker.ensure_running()  # which lets signals through when it begins
        with _without_ctrl_c():
            for number in range(self.count):
                self._workers.append(_started(self._set_up, number))
                self._idle.put(self._workers[-1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(PATIENCE_SECONDS)
            worker.process.kill()
            worker.process.join()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.connection.close()

    def begin(self, batch: Batch) -> Callable[[], Found]:
        """Let a batch be decoded; what is returned waits for it and returns the hypotheses of each sentence.

        Raises:
            SeqtrainError: by what is returned: the batch cannot be decoded, or the process has ended.
        """
        if not self._asked:
            self._since = time.perf_counter()
        self._asked += 1
        return partial(self._take, self._threads.submit(self._ask, packed(batch)))

    def _take(self, future: "Future[Found]") -> Found:
        found, now = future.result(), time.perf_counter()
        self._report(found, now - self._since)
        self._since = now
        self._asked -= 1
        return found

    def _ask(self, batch: bytes) -> Found:
        """Give a batch to an idle process and wait for it, in a thread."""
        worker = self._idle.get()
        try:
            worker.connection.send_bytes(batch)
            found: Found | Exception = unpacked(worker.connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise _ended(worker) from error
        finally:
            self._idle.put(worker)
        if isinstance(found, Exception):
            raise found
        return found


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Start processes within that Ctrl-C does not reach: the one that asks ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _started(set_up: SetUp, number: int) -> Worker:
    context = multiprocessing.get_context("spawn")  # a fork would inherit threads that do not go on
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, set_up, number), name=f"worker-{number}", daemon=True)
    process.start()
    there.close()
    return Worker(process, here)


def _ended(worker: Worker) -> SeqtrainError:
    worker.process.join(PATIENCE_SECONDS)
    code, how = worker.process.exitcode or 0, ""
    with suppress(ValueError):
        how = f"by {signal.Signals(-code).name}, for lack of memory maybe: try fewer"
    return SeqtrainError(
        f"one of the processes that decode was ended {how or f'with exit code {code}: try one'} process"
    )
