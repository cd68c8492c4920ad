"""The Python of a user directory as data: to be copied, compared with what it was, and named where it failed."""

import difflib
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 16 << 20
"""Most that is read of one directory."""
MAX_DIFF_LINES = 200
"""Most lines of a diff that are shown."""


@dataclass(frozen=True)
class UserCode:
    """The Python files of a directory."""

    directory: str
    files: Mapping[str, bytes]
    """Content by path in the directory."""
    left_out: Sequence[str] = ()
    """Files that were not read, each with the reason."""


def read_code(directory: Path) -> UserCode:
    """Return the Python that can be imported from a directory: no tests, nothing hidden, no links to elsewhere."""
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    room, root = MAX_BYTES, directory.resolve()
    for file in _python_files(directory):
        if not file.resolve().is_relative_to(root):
            left_out.append(f"{file} (a link out of the directory)")
        elif (size := file.stat().st_size) > room:
            left_out.append(f"{file} (over the limit of {MAX_BYTES >> 20} MiB in all)")
        else:
            room -= size
            files[file.relative_to(directory).as_posix()] = file.read_bytes()
    return UserCode(str(directory), files, left_out)


def difference(before: UserCode, now: UserCode) -> list[str]:
    """Return the lines of a diff, none if nothing changed; a file that is new changes nothing by itself."""
    lines: list[str] = []
    for name, content in before.files.items():
        old, new = f"{before.directory}/{name}", f"{now.directory}/{name}"
        if name in now.files:
            lines += difflib.unified_diff(_lines(content), _lines(now.files[name]), old, new, lineterm="")
        else:
            lines.append(f"{new} is gone")
    return lines


def shortened(lines: Iterable[str]) -> str:
    """Return the first lines of a diff, and how many more there are."""
    first = list(lines)
    more = len(first) - MAX_DIFF_LINES
    return "\n".join([*first[:MAX_DIFF_LINES], *([f"... and {more} more lines"] if more > 0 else [])])


def frames_in(error: BaseException, directory: Path) -> list[traceback.FrameSummary]:
    """Return the frames of an error that are in a user directory, the one in which it arose last."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if is_in(frame.filename, directory)]


def is_in(filename: str, directory: Path) -> bool:
    """Tell whether a file belongs to a user directory, and not to packages that are installed in there."""
    path = Path(filename)
    return path.is_relative_to(directory) and "site-packages" not in path.relative_to(directory).parts


def _python_files(directory: Path) -> Iterator[Path]:
    """Yield Python files in order; only folders that can be packages are looked into, so no data and no runs."""
    for place, folders, files in os.walk(directory):
        folders[:] = sorted(f for f in folders if f.isidentifier() and f not in ("__pycache__", "tests"))
        python = sorted(f for f in files if f.endswith(".py") and not f.startswith((".", "test_", "conftest.")))
        yield from (Path(place, file) for file in python)


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", errors="replace").splitlines()
