"""Any number of items, some at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of ``size`` items, fewer in the last; no more is read ahead than the list that is yielded."""
    unread = iter(items)
    while chunk := list(islice(unread, size)):
        yield chunk
