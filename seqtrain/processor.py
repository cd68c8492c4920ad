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
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    found = (value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == field)
    return next(found, "")
