"""What commands read text from and write it to: files, or standard input and output."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from seqtrain.data.text import read_lines, text_lines
from seqtrain.errors import DataError
from seqtrain.paths import atomic_file


def read_input(key: str, name: str) -> Iterator[str]:
    """Yield the lines of a file, or of standard input if ``name`` is ``-``; messages say which ``key`` names it.

    Raises:
        DataError: there is no such file, or it is no UTF-8 text.
    """
    if name == "-":
        return text_lines(sys.stdin.buffer, "standard input")
    path = Path(name).expanduser()
    if path.is_dir():
        raise DataError(f"{key}={name} is a directory: name a file")
    if not path.exists():
        raise DataError(f"{key}={name}: there is no such file")
    return read_lines(path)


def is_typed(name: str) -> bool:
    """Whether what is read is typed at a terminal."""
    return name == "-" and sys.stdin.isatty()


@contextlib.contextmanager
def open_output(name: str, read: Mapping[str, str]) -> Iterator[TextIO]:
    """Open a file to write, or standard output if ``name`` is ``-``; a file appears only when it is whole.

    Args:
        name: of the file.
        read: names of files that are read, by the keys that name them; an empty one is none.

    Raises:
        SeqtrainError: the file cannot be written, or is one that is read.
    """
    if name == "-":
        yield sys.stdout
        return
    # What a link points to is replaced, not the link; a device or a pipe is written to as it is.
    final = Path(name).expanduser().resolve()
    if final.is_dir():
        raise DataError(f"output={name} is a directory: name a file")
    if final.exists() and not final.is_file():
        with final.open("w", encoding="utf-8") as file:
            yield file
        return
    _check_not_read(final, name, read)
    with atomic_file(final) as file:
        yield file


def _check_not_read(final: Path, name: str, read: Mapping[str, str]) -> None:
    for key, other in read.items():
        if other and Path(other).expanduser().resolve() == final:
            raise DataError(f"output={name} would replace {key}={other}: name another file")
