"""The curves that schedules are put together from."""

import math


def between(start: float, end: float, share: float) -> float:
    """Return the rate at a share, 0 to 1, of the way from one rate to another."""
    return start + (end - start) * share


def half_cosine(progress: float) -> float:
    """Return what is left, 1 to 0, of a fall along half a cosine at a progress of 0 to 1."""
    return (1 + math.cos(math.pi * progress)) / 2
