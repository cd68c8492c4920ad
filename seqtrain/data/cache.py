"""Prepared data, addressed by what it was made from, complete or absent.

An entry is made in a temporary directory beside its place and renamed: correct however many processes make it at
once, and however they end. Its files are compared with their checksums at each use; a damaged entry is made again.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from seqtrain.errors import CheckpointError, DataError
from seqtrain.manifest import MANIFEST, damage, write_manifest
from seqtrain.paths import TEMPORARY, sync, sync_tree, temporary_name

KEY_FILE = "key.json"
"""File of an entry that holds its key."""
OWN_FILES = (KEY_FILE, MANIFEST)
"""Files of an entry that are the cache's and not of what was made."""
STALE_SECONDS = 60.0
"""Age from which a temporary directory that no process holds counts as left behind."""

log = logging.getLogger(__name__)


def cached(cache_dir: Path, name: str, key: Mapping[str, object], make: Callable[[Path], None]) -> Path:
    """Return the directory ``<cache_dir>/<name>-<hash of key>``, filled by ``make`` if it is not there yet.

    Args:
        cache_dir: The cache; made if need be.
        name: What kind of entry this is, readable.
        key: All that the content depends on, as JSON can hold it; kept in the entry as ``key.json``.
        make: Fills the empty directory that it is given.

    Raises:
        DataError: the cache cannot be written.
    """
    text = json.dumps(key, sort_keys=True)
    entry = cache_dir.expanduser() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if entry.is_dir() and _is_whole(entry, text):
        return entry
    with _writing(entry.parent):
        entry.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(entry.parent)
        temporary = temporary_name(entry)
        temporary.mkdir()
    try:
        with _writing(entry.parent, only=(errno.ENOSPC, errno.EDQUOT)), _held(temporary):
            make(temporary)
            (temporary / KEY_FILE).write_text(text + "\n", encoding="utf-8")
            write_manifest(temporary)
            sync_tree(temporary)
            _publish(temporary, entry)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return entry


def _is_whole(entry: Path, key: str) -> bool:
    """Tell whether an entry is as it was made; if not, say so and remove it, unless another process was faster."""
    if not _damage(entry, key):
        return True
    with _writing(entry.parent), contextlib.suppress(FileNotFoundError), _held(entry, wait=True):
        problem = _damage(entry, key)
        if not problem:
            return True
        log.warning("%s; this part of the cache is made again", problem)
        aside = temporary_name(entry)
        entry.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    return False


def _damage(entry: Path, key: str) -> str:
    """Say what is wrong with an entry, empty if nothing is."""
    try:
        problem = damage(entry)
        other = not problem and (entry / KEY_FILE).read_text(encoding="utf-8") != key + "\n"
    except (CheckpointError, OSError):
        return f"{entry / MANIFEST} is missing or damaged"
    return f"{entry} holds what was made for another key" if other else problem


def _publish(temporary: Path, entry: Path) -> None:
    """Give the entry its name, unless another process was faster: then its result stays."""
    try:
        temporary.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise
    sync(entry.parent)


@contextlib.contextmanager
def _writing(cache_dir: Path, only: tuple[int, ...] = ()) -> Iterator[None]:
    """Say what to do where the cache cannot be written: at any ``OSError``, or at those ``only``."""
    try:
        yield
    except OSError as error:
        if only and error.errno not in only:
            raise
        raise DataError(
            f"cannot write to the cache {cache_dir}: {error.strerror or error}; "
            "choose another place with dataset.cache_dir=DIR"
        ) from error


@contextlib.contextmanager
def _held(directory: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a directory's lock, which ends with the process at the latest; yield whether it was to be had."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        yield _lock(descriptor, wait)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait: bool) -> bool:
    """Try to lock; a file system without locks counts as a lock that is not to be had."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _remove_stale(cache_dir: Path) -> None:
    """Remove temporary directories that dead processes left."""
    for directory in cache_dir.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - directory.stat().st_mtime > STALE_SECONDS:
                with _held(directory) as held:
                    if held:
                        shutil.rmtree(directory, ignore_errors=True)
