"""On what something was measured."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqtrain.processor import cpu_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("torch", "numpy", "sentencepiece")


def about(threads: int) -> dict[str, Any]:
    """Return hardware, versions, threads, the commit, and how busy the machine is."""
    return {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "cpu": f"{cpu_name()}, {os.cpu_count()} CPUs",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": " ".join([platform.system(), *platform.libc_ver()]).strip(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "commit": commit(),
        "threads": threads,
        "load": os.getloadavg()[0],
    }


def commit(checkout: Path = ROOT) -> str:
    """Return the commit of a checkout, with ``+`` if files differ from it; nothing where there is no Git."""
    try:
        shown = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=12", "--dirty=+"]
        return subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
