"""Programs in processes of their own: how long they took, and the most memory that they held."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MALLOC: dict[str, dict[str, str]] = {
    "default": {},
    "retaining": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "268435456",
    },
}
"""Settings of glibc's malloc: as it is, and keeping what is freed for what is allocated next."""


@dataclass(frozen=True)
class Finished:
    """A program that has ended well."""

    output: str
    """What it printed, errors too."""
    seconds: float
    """From its start to its end."""
    cpu_seconds: float
    """Time of the processors, in user and in system mode."""
    peak_mb: float
    """Most resident memory; of it and what it waited for, the largest process's (Linux: kilobytes are counted)."""


def environment(threads: int, malloc: str = "default", **more: str) -> dict[str, str]:
    """Return the environment of a program: threads, and settings of malloc that are one of ``MALLOC``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return kept | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)} | MALLOC[malloc] | more


def run_child(command: Sequence[str], directory: Path, environment: Mapping[str, str], exit_code: int = 0) -> Finished:
    """Run a program in a directory to its end.

    Raises:
        SystemExit: it ended with another code than it should; what it printed is the message.
    """
    printed = directory / "output.txt"
    with printed.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    output = printed.read_text(encoding="utf-8", errors="replace")
    if process.returncode != exit_code:
        raise SystemExit(f"{output}\n{' '.join(command)} ended with {process.returncode}")
    return Finished(output, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
