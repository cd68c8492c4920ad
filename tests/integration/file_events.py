"""What a process does to the files below a directory, one event at a time, and how to stop it before any of them.

A process that SIGKILL ends right before an event has done all events up to it and nothing more, so that stopping before
each event is stopping after each. A write is two events, ``write`` and ``complete``, of half the bytes each: files end
in the middle of a line. What the kernel was given stays, as it does when a process dies.

Power loss, which may take what was not synced, is not tested: only that files are synced before they are renamed, by
the order of the events.
"""

import builtins
import functools
import io
import os
import pathlib
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NOT_READ_BACK = {"train.log", ".lock"}
"""Files that a resume makes nothing of."""
OF_CHECKPOINTS = re.compile(r"(\.tmp-)?(checkpoints|best|last)(/|$)")
"""Files that saving changes, which may be in a thread of its own."""
PATHS: dict[str, Callable[..., list[Any]]] = {
    "os.rename": lambda source, target, source_fd, target_fd: [(source, source_fd), (target, target_fd)],
    "os.link": lambda source, target, source_fd, target_fd: [(source, source_fd), (target, target_fd)],
    "os.symlink": lambda source, target, fd: [(target, fd)],
    "os.mkdir": lambda path, mode, fd: [(path, fd)],
    "os.chmod": lambda path, mode, fd: [(path, fd)],
    "os.remove": lambda path, fd: [(path, fd)],
    "os.rmdir": lambda path, fd: [(path, fd)],
    "os.truncate": lambda path, length: [(path, -1)],
}
"""Audit events of Python that change files, and the paths that each is about."""


class FileEvents:
    """Counts events from the beginning of the process; those of saving anew from the beginning of each checkpoint.

    Args:
        directory: only what lies below counts.
        log: where each event is noted as ``<group>:<number> <begun> <what> <paths>``; the last one did not happen.
            ``begun`` is the checkpoint that was begun last, ``-`` before the first. It is the group of what saving does
            from then on; the group of all else is empty.
        stop: ``<group>:<number>`` of the event to stop before; empty for none.
    """

    def __init__(self, directory: Path, log: Path, stop: str) -> None:
        self.directory = f"{directory.absolute()}/"
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.stop = stop
        self._begun = ""
        self._numbers: Counter[str] = Counter()
        self._lock = threading.RLock()

    def install(self) -> None:
        """Watch this process from now on."""
        sys.addaudithook(self._audit)
        sync, save_file = os.fsync, safetensors.torch.save_file

        def noted_sync(fd: Any) -> None:
            self.before("fsync", (fd, -1))
            sync(fd)

        def noted_save_file(tensors: Any, filename: Any, metadata: dict[str, str] | None = None) -> None:
            self.before("write", (filename, -1))
            save_file(tensors, filename, metadata)
            self.before("complete", (filename, -1), undo=lambda: os.truncate(filename, os.path.getsize(filename) // 2))

        os.fsync = noted_sync
        safetensors.torch.save_file = noted_save_file
        builtins.open = io.open = self.open  # type: ignore[assignment]  # its overloads are not repeated
        # Python 3.10 keeps an `open` of its own there.
        pathlib.Path.open = functools.partialmethod(_open_path, self)  # type: ignore[assignment]

    def before(self, what: str, *paths: tuple[Any, int], undo: Callable[[], object] | None = None) -> None:
        """Note an event; if it is the one to stop before, undo what is done of it already and end the process."""
        names = [name for name in (self._name(*path) for path in paths) if name]
        if not names or names[0] in NOT_READ_BACK:
            return
        with self._lock:
            begun = re.fullmatch(r"checkpoints/\.tmp-(update-\d+)", names[0])
            if begun and what == "mkdir":
                self._begun = begun[1]
                self._numbers[self._begun] = 0
            group = self._begun if OF_CHECKPOINTS.match(names[0]) else ""
            event = f"{group}:{self._numbers[group]}"
            self._numbers[group] += 1
            os.write(self.log, f"{event} {self._begun or '-'} {what} {' '.join(names)}\n".encode())
            if event == self.stop:
                self.directory = "/nothing/more/counts/"
                if undo is not None:
                    undo()
                os.kill(os.getpid(), signal.SIGKILL)

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        **descriptor: Any,
    ) -> Any:
        """Open a file as ``io.open`` does, one to write with halved writes."""
        if not set(mode) & set("wax+") or not self._name(file, -1):
            return _open(file, mode, buffering, encoding, errors, newline, **descriptor)
        assert "+" not in mode, "nothing here writes where it reads"
        raw = io.BufferedWriter(_Halving(self, file, mode.replace("b", "").replace("t", ""), **descriptor))
        return raw if "b" in mode else io.TextIOWrapper(raw, encoding, errors, newline)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and args[2] & WRITING:
            self.before("open", (args[0], -1))
        elif event in PATHS:
            self.before(event.removeprefix("os."), *PATHS[event](*args))

    def _name(self, path: Any, directory: int) -> str:
        """Return a path below the directory, without the random part of temporary names; empty if it is elsewhere."""
        if isinstance(path, int):
            full = os.readlink(f"/proc/self/fd/{path}")
        else:
            parent = os.readlink(f"/proc/self/fd/{directory}") if directory >= 0 else os.getcwd()
            full = os.path.normpath(os.path.join(parent, os.fsdecode(path)))
        name = full[len(self.directory) :] if full.startswith(self.directory) else ""
        return re.sub(r"(\.tmp-[^/]*)-[0-9a-f]{16}", r"\1", name)


class _Halving(io.FileIO):
    """A file to write, in two halves each time."""

    def __init__(self, events: FileEvents, file: Any, mode: str, **descriptor: Any) -> None:
        super().__init__(file, mode, **descriptor)
        self._events = events

    def write(self, data: Any) -> int:
        """Write bytes."""
        view = memoryview(data).cast("B")
        for what, half in (("write", view[: len(view) // 2]), ("complete", view[len(view) // 2 :])):
            if len(half):
                self._events.before(what, (self.fileno(), -1))
                super().write(half)
        return len(view)


_open = io.open


def _open_path(path: Path, events: FileEvents, *args: Any, **named: Any) -> Any:
    return events.open(path, *args, **named)
