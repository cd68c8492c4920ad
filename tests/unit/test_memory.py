import ctypes
import resource
import sys

import pytest
import torch

from seqtrain.memory import kept_memory

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc"
)
SIZES = (24, 8, 16, 20, 4, 12)
"""Megabytes of tensors that an update makes and frees."""
PAGES = sum(SIZES) * 2**20 // resource.getpagesize()
UPDATES = 8


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)


def page_faults() -> int:
    """Pages that the system gives in all updates."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for size in SIZES * UPDATES:
        torch.ones(size * 2**20 // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_pages_are_not_given_anew_in_each_update() -> None:
    with kept_memory(True):
        assert page_faults() < UPDATES / 2 * PAGES


def test_afterwards_what_is_free_is_given_back() -> None:
    with kept_memory(True):
        page_faults()
        held = resident_pages()
    assert resident_pages() < held - PAGES // 4


def resident_pages() -> int:
    """Pages of memory that the process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])


@pytest.mark.parametrize(("name", "value"), [("MALLOC_ARENA_MAX", "2"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_max=9")])
def test_what_the_environment_says_stays(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: sys.exit("it was called"))
    with kept_memory(True):
        pass


def test_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with kept_memory(True):
        pass
