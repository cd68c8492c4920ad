"""Which processor this is."""

import platform
from pathlib import Path


def cpu_name() -> str:
    """Return the name of the processor; its architecture if there is no other."""
    return _of_linux("model name") or platform.processor() or platform.machine()


def is_intel() -> bool:
    """Whether Intel made the processor."""
    return "GenuineIntel" in (_of_linux("vendor_id") or platform.processor())


def _of_linux(field: str) -> str:
    """Return what Linux tells of the first processor; nothing elsewhere."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return ""
    with file.open(encoding="utf-8", errors="replace") as lines:  # not read whole: there is a part for each core
        parts = (line.partition(":") for line in lines)
        return next((value.strip() for name, _, value in parts if name.strip() == field), "")
