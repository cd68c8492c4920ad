import ctypes
import os
import resource
import subprocess
import sys
from subprocess import PIPE

import pytest
import torch

from seqtrain.memory import ONEDNN_CACHES, few_primitives, kept_memory

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


GROWTH = """
import torch
from contextlib import nullcontext
from seqtrain.memory import few_primitives
from seqtrain.nn import matrix_products
from tests.unit.test_memory import resident_pages

matrix_products.ONEDNN_IS_AHEAD = True
x, weight = torch.ones(3_000, 64), torch.ones(128, 64)
with few_primitives() if {bounded} else nullcontext():
    matrix_products.linear(x[:2_200], weight)
before = resident_pages()
for num_rows in range(2_201, 2_600):
    matrix_products.linear(x[:num_rows], weight)
print(resident_pages() - before)
"""
"""Pages that products of 400 shapes leave behind, in a process of their own."""


def test_what_products_of_ever_new_shapes_leave_behind_is_bounded() -> None:
    def growth(bounded: bool) -> int:
        command = [sys.executable, "-c", GROWTH.format(bounded=bounded)]
        environment = {name: value for name, value in os.environ.items() if name not in ONEDNN_CACHES}
        return int(subprocess.run(command, env=environment, stdout=PIPE, text=True, check=True).stdout)

    assert growth(bounded=True) < growth(bounded=False) / 2


@pytest.mark.parametrize("name", ONEDNN_CACHES)
def test_how_many_primitives_the_environment_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in ONEDNN_CACHES:
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, "9")
    with few_primitives(5):
        assert {os.environ[one] for one in ONEDNN_CACHES} == {"5", "9"}
        assert os.environ[name] == "9"
    assert {one: os.environ.get(one) for one in ONEDNN_CACHES} == {**dict.fromkeys(ONEDNN_CACHES), name: "9"}
