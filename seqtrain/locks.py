"""A lock on a directory: two processes never train into the same one."""

import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from seqtrain.errors import ConfigError
from seqtrain.paths import writable

LOCK = ".lock"
"""File in a run directory; it names the process that trains there, or did last."""
log = logging.getLogger(__name__)

_held: set[Path] = set()
"""What this process has locked."""


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory, which is made if need be; whoever asks again in this process holds it already.

    The kernel releases it when the process ends, in whatever way. A file system without locks is taken as it is, with a
    warning.

    Raises:
        ConfigError: another process holds it.
        StorageError: it cannot be written.
    """
    place = directory.resolve()
    if place in _held:
        yield
        return
    with writable(directory):
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(descriptor, directory)
        _held.add(place)
        yield
    finally:
        _held.discard(place)
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip() or "another process"
        raise ConfigError(
            f"{directory} is in use by {holder}: wait until that has ended, or choose another hydra.run.dir"
        ) from error
    except OSError as error:
        log.warning("%s cannot be locked (%s): see to it that no other process trains there", directory, error)
    with contextlib.suppress(OSError):  # a full disk does not unlock it
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
