"""Files and directories that appear whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from seqtrain.errors import SeqtrainError


@contextlib.contextmanager
def atomic_directory(final: Path) -> Iterator[Path]:
    """Yield a new directory to fill; it gets its ``final`` name, synced to disk, when all went well.

    Raises:
        SeqtrainError: the place cannot be written.
        FileExistsError: something has the final name already.
    """
    temporary = final.with_name(f".tmp-{final.name}-{os.getpid()}")
    if final.exists():
        raise FileExistsError(f"{final} is there already")
    with writable(final):
        temporary.mkdir(parents=True)
    try:
        yield temporary
        sync_tree(temporary)
        os.rename(temporary, final)
        sync(final.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system to write ``path`` into one clear message.

    Raises:
        SeqtrainError: the file system refused.
    """
    try:
        yield
    except (PermissionError, NotADirectoryError, IsADirectoryError, OSError) as error:
        raise SeqtrainError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def sync_tree(directory: Path) -> None:
    """Force a directory and all in it to disk."""
    for path in [*directory.rglob("*"), directory]:
        sync(path)


def sync(path: Path) -> None:
    """Force a file or a directory's entries to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_link(link: Path, target: str) -> None:
    """Let ``link`` point to its sibling ``target``: a symbolic link, a text file where there are none."""
    temporary = link.with_name(f".tmp-{link.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(target)
    except (OSError, NotImplementedError):
        temporary.write_text(target + "\n", encoding="utf-8")
    os.replace(temporary, link)


def read_link(link: Path) -> Path | None:
    """Return where :func:`replace_link` pointed it, or None if it is not there."""
    if link.is_symlink():
        return link.parent / os.readlink(link)
    if link.is_file():
        return link.parent / link.read_text(encoding="utf-8").strip()
    return None
