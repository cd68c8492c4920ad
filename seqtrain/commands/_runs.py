"""The runs of ``verify``: each in a process of its own, in which sets have an order of their own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 5.0
"""Time that a process has to end when it is told to."""


@dataclass(frozen=True)
class Runs:
    """Runs of one config."""

    words: Sequence[str]
    """Overrides and Hydra's flags, as typed."""
    directory: Path
    """Where run directories, traces and output go."""
    updates: int
    """Length of a run."""

    @property
    def middle(self) -> int:
        """The update after which a run stops, to be resumed."""
        return self.updates // 2

    def whole(self, name: str, hash_seed: int) -> Path:
        """Run without a stop and return the trace."""
        return self._run(name, name, self.updates, hash_seed)

    def resumed(self, name: str, hash_seeds: tuple[int, int]) -> tuple[Path, Path]:
        """Run to the middle, resume in a second process, and return the traces of both."""
        before = self._run(name, f"{name}-before", self.middle, hash_seeds[0])
        return before, self._run(name, f"{name}-after", self.updates, hash_seeds[1])

    def _run(self, name: str, part: str, stop_after: int, hash_seed: int) -> Path:
        trace = self.directory / f"{part}.jsonl"
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "seqtrain",
            "verify",
            "--trace",
            trace,
            "--run",
            self.directory / name,
        ]
        command += ["--stop-after", str(stop_after), f"updates={self.updates}", *self.words]
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
        with (self.directory / f"{part}.log").open("wb") as log:
            run_to_end(command, environment, stdout=log.fileno())
        return trace


def run_to_end(command: Sequence[str | Path], environment: dict[str, str], stdout: int) -> None:
    """Run a process to its end, or end it if this one is told to end.

    Raises:
        SystemExit: with 2, after what it said, if it failed.
    """
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
    ) as process:
        try:
            _, said = process.communicate()
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        sys.stderr.write(said.decode(errors="replace"))
        if process.returncode != 2:
            print(f"seqtrain: a run ended with exit code {process.returncode}", file=sys.stderr)
        raise SystemExit(2)


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does, so that what it has started ends too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, then make it."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
