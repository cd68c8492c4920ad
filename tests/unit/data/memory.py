"""How much memory something takes."""

import tracemalloc
from collections.abc import Callable


def peak_of(make: Callable[[], object]) -> int:
    """Return the most bytes that are held at a time while something is made."""
    tracemalloc.start()
    try:
        make()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
