"""How files are damaged at random, and how many cases of it each test has."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASES = {
    "test_an_accident": (100, 3000),
    "test_a_strangers_checkpoint_is_read_or_refused": (60, 3000),
    "test_a_strangers_checkpoint_translates_or_is_refused": (15, 300),
    "test_a_strangers_state_is_taken_over_or_refused": (40, 1500),
    "test_a_damaged_store": (100, 2000),
    "test_a_strangers_store": (50, 1000),
    "test_a_damaged_dictionary": (100, 2000),
    "test_a_damaged_index": (100, 3000),
    "test_damaged_ids": (100, 3000),
    "test_a_damaged_run_directory": (20, 500),
    "test_a_damaged_cache_entry": (20, 200),
    "test_a_damaged_sentencepiece_model": (150, 6000),
}
"""Cases of each test: in `make test`, and those that `make test-all` adds."""

ODD: list[Any] = [
    *(None, True, False, -1, 0, 3, 10**6, 2**31, 2**63, 10**30, 0.5, -1e308, float("nan"), float("inf")),
    *("", "x", "1", "null", "../x", "/etc/passwd", "${oc.env:HOME}", "???", "x\0y", "\ud800", "ü" * 10_000),
    *([], {}, [[]], [None], {"a": 1}, {"_name": "transformer"}, {"_target_": "os.system"}, [1, 2], ["a"]),
]
"""Values in place of others."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test its seeds: one for each case."""
    if "seeds" in metafunc.fixturenames:
        some, more = CASES[metafunc.function.__name__]
        slow = pytest.param(range(some, some + more), marks=pytest.mark.slow, id="many")
        metafunc.parametrize("seeds", [pytest.param(range(some), id="some"), slow])


@pytest.fixture(scope="session")
def cases() -> dict[str, tuple[int, int]]:
    """Cases of each test."""
    return CASES


@pytest.fixture(scope="session")
def mutate() -> Callable[[random.Random, bytes], bytes]:
    """Bytes with damage: cut, grown, flipped, overwritten, moved."""
    return _mutate


@pytest.fixture(scope="session")
def change() -> Callable[[random.Random, Any], Any]:
    """A table as JSON holds it, in which something is replaced, removed or added."""
    return _change


@pytest.fixture(scope="session")
def original(trained: Path) -> Path:
    """A checkpoint as it was written, with the state of training."""
    return trained / "checkpoints/update-00000016"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy of a checkpoint, to damage."""
    return shutil.copytree(original, tmp_path / "checkpoint")


def _mutate(rng: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        at, size = rng.randrange(len(data) + 1), rng.choice([1, 1, 4, 64])
        kind = rng.randrange(6)
        if kind <= 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            data[at : at + size] = rng.randbytes(size)[: len(data) - at]
        elif kind == 3:
            data[at:at] = rng.choice([rng.randbytes(size), bytes(data[:size]), b"[" * size * 100, b"9" * size])
        elif kind == 4:
            del data[at : at + size]
        else:
            del data[at:]
    return bytes(data)


def _change(rng: random.Random, data: Any) -> Any:
    if not isinstance(data, (dict, list)) or not data or rng.random() < 0.1:
        return rng.choice(ODD)
    keys = list(data) if isinstance(data, dict) else list(range(len(data)))
    key, kind = rng.choice(keys), rng.randrange(8)
    changed = data.copy()
    if kind == 0:
        del changed[key]
    elif kind == 1 and isinstance(changed, dict):
        changed[rng.choice(["extra", "", "_name", "_target_", "<<", "é"])] = rng.choice(ODD)
    else:
        changed[key] = _change(rng, changed[key])
    return changed
