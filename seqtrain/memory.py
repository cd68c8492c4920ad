"""Memory that is kept for what is computed next: on Linux the C library is told not to give it back each time.

An update, or a position of a search, makes and frees tensors of many megabytes. glibc maps and unmaps each of them, and
the system clears its pages anew: up to a quarter of the time of a small model's update. ``mallopt(3)`` changes it.

What is of no use again is not to be kept: oneDNN's code for products of shapes that come once.
"""

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER, DEFAULT_TRIM = -1, 128 * 1024
LARGEST_MMAP_THRESHOLD = 32 * 1024 * 1024
"""Bytes from which on glibc maps a block by itself, at most; it also comes to this by itself, block by freed block."""

ONEDNN_CACHES = "LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
"""Variables of torch's cache of oneDNN's primitives and of oneDNN's own, 1,024 each unless set."""
SHAPES_AT_A_TIME = 64
"""More than the 30 shapes of products, forward and backward, in an update of a transformer."""


@contextlib.contextmanager
def kept_memory(wanted: bool = True) -> Iterator[None]:
    """Keep the memory that is freed, if wanted; afterwards what is free goes back to the system.

    Nothing is changed where the C library is another, or the environment sets it (``MALLOC_*``, ``GLIBC_TUNABLES``).
    """
    if not wanted or not keep_memory():
        yield
        return
    try:
        yield
    finally:
        library = ctypes.CDLL(None)
        library.mallopt(M_TRIM_THRESHOLD, DEFAULT_TRIM)
        library.malloc_trim(0)


def keep_memory() -> bool:
    """Keep the memory that is freed from here on; return whether that could be set."""
    mallopt = _mallopt()
    return mallopt is not None and bool(
        mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD) and mallopt(M_TRIM_THRESHOLD, NEVER)
    )


@contextlib.contextmanager
def few_primitives(count: int = SHAPES_AT_A_TIME) -> Iterator[None]:
    """Let oneDNN keep its code for the latest shapes of products alone, unless the environment says how many.

    Each shape takes up to a megabyte, strewn over the heap, and batches of sentences come in ever new ones. oneDNN
    reads the environment when it first computes: this is without effect where it has, and lasts where it does so here.
    """
    added = {name: str(count) for name in ONEDNN_CACHES if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _mallopt() -> Callable[[int, int], int] | None:
    """Return glibc's function, or None where it is not there, or not to be called."""
    if any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return None
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  # another C library has none
        function: Callable[[int, int], int] = library.mallopt
    except (AttributeError, OSError, TypeError):
        return None
    return function
