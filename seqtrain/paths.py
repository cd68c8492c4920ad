"""Files and directories that appear whole or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from seqtrain.errors import StorageError

TEMPORARY = ".tmp-"
"""What the names of unfinished files and directories begin with."""
MAX_LINK_BYTES = 4096
"""Size from which a text file is none that stands for a link."""


@contextlib.contextmanager
def atomic_directory(final: Path) -> Iterator[Path]:
    """Yield a new directory to fill; it gets its ``final`` name, synced to disk, when all went well.

    Raises:
        StorageError: the place cannot be written.
        FileExistsError: something has the final name already.
    """
    if final.exists():
        raise FileExistsError(f"{final} is there already")
    temporary = temporary_name(final)
    try:
        with writable(final):
            temporary.mkdir(parents=True)
            yield temporary
            sync_tree(temporary)
            os.rename(temporary, final)
            sync(final.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def atomic_file(final: Path) -> Iterator[TextIO]:
    """Open a new UTF-8 file to write; it takes its ``final`` name, and the mode of what had it, when all went well.

    Raises:
        StorageError: the place cannot be written.
    """
    with _atomic(final, "w", encoding="utf-8", newline="\n") as file:
        yield file


@contextlib.contextmanager
def atomic_binary_file(final: Path) -> Iterator[BinaryIO]:
    """Open a new file of bytes as :func:`atomic_file` does one of text.

    Raises:
        StorageError: the place cannot be written.
    """
    with _atomic(final, "wb") as file:
        yield file


@contextlib.contextmanager
def _atomic(final: Path, mode: str, **options: Any) -> Iterator[Any]:
    temporary = temporary_name(final)
    try:
        with writable(final):
            with temporary.open(mode, **options) as file:
                if final.is_file():
                    shutil.copymode(final, temporary)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, final)
    finally:
        remove(temporary)


def temporary_name(final: Path) -> Path:
    """Return a new name beside ``final`` for what is to become it."""
    return final.with_name(f"{TEMPORARY}{final.name}-{secrets.token_hex(8)}")


def remove_leftovers(directory: Path) -> None:
    """Remove what was left unfinished in a directory that no other process writes into."""
    # Not glob, which passes over what it cannot read.
    for name in os.listdir(directory):
        if name.startswith(TEMPORARY):
            remove(directory / name)


def remove(path: Path) -> None:
    """Remove a file, a link or a directory with all in it, as far as the file system lets us."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system to write ``path`` into one clear message.

    Raises:
        StorageError: the file system refused.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def sync_tree(directory: Path) -> None:
    """Force a directory and all in it to disk."""
    for path in [*tree(directory), directory]:
        sync(path)


def tree(directory: Path) -> list[Path]:
    """Return what is in a directory, at any depth, in order.

    Raises:
        OSError: a part of it cannot be read. Not so ``rglob``, which passes over that from Python 3.13 on.
    """
    found: list[Path] = []
    for entry in sorted(directory.iterdir()):
        found.append(entry)
        if entry.is_dir() and not entry.is_symlink():
            found += tree(entry)
    return found


def sync(path: Path) -> None:
    """Force a file or a directory's entries to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_link(link: Path, target: str) -> None:
    """Let ``link`` point to its sibling ``target``: a symbolic link, a text file where there are none."""
    temporary = temporary_name(link)
    try:
        try:
            temporary.symlink_to(target)
        except (OSError, NotImplementedError):
            temporary.write_text(target + "\n", encoding="utf-8")
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)  # what a copy that followed links made of it
        os.replace(temporary, link)
    finally:
        remove(temporary)


def read_link(link: Path) -> Path | None:
    """Return where :func:`replace_link` pointed it, or None if it is not there or damaged.

    A directory is its own target.
    """
    if link.is_symlink():
        return link.parent / os.readlink(link)
    if link.is_dir():
        return link
    if link.is_file() and link.stat().st_size <= MAX_LINK_BYTES:
        with contextlib.suppress(UnicodeDecodeError):
            return link.parent / link.read_text(encoding="utf-8").strip()
    return None
