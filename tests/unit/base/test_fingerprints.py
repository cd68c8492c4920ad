import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtrain.base import Fingerprint, differences


def lines(*numbers: int) -> list[bytes]:
    return [f"line {number}\n".encode() for number in numbers]


def of(*numbers: int) -> Fingerprint:
    return Fingerprint.of("lines", lines(*numbers))


def changed(size: int, at: int) -> list[int]:
    """Numbers 1 to size, but for the one at a place counted from 1."""
    return [*range(1, at), -1, *range(at + 1, size + 1)]


def test_it_is_of_all_content() -> None:
    found = of(1, 2, 3)
    content = b"".join(lines(1, 2, 3))
    assert (found.sha256, found.num_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (found.unit, found.size, found.block, len(found.blocks)) == ("lines", 3, 10, 1)


def test_nothing() -> None:
    assert of() == Fingerprint(hashlib.sha256().hexdigest(), "lines")
    assert of().difference(of(1)) == "has 1 lines and had 0, differs first in lines 1 to 1 of 1"


@pytest.mark.parametrize(
    ("size", "block"), [(10, 10), (999, 10), (1000, 100), (9_999, 100), (10_000, 1000), (29_000, 1000)]
)
def test_blocks_are_few_and_round(size: int, block: int) -> None:
    found = of(*range(size))
    assert (found.size, found.block, len(found.blocks)) == (size, block, -(-size // block))
    assert len(json.dumps(asdict(found))) < 2500


def test_few_parts_are_held_in_memory() -> None:
    alive: set[int] = set()
    most = 0

    class Part(bytes):
        def __del__(self) -> None:
            alive.discard(id(self))

    def parts() -> Iterator[bytes]:
        nonlocal most
        for number in range(5000):
            part = Part(f"{number}\n".encode())
            alive.add(id(part))
            most = max(most, len(alive))
            yield part

    assert Fingerprint.of("lines", parts()).size == 5000
    assert most <= 2001


@pytest.mark.parametrize(
    ("size", "at", "where"),
    [
        (7, 3, "1 to 7 of 7"),
        (260, 1, "1 to 10 of 260"),
        (260, 91, "91 to 100 of 260"),
        (260, 260, "251 to 260 of 260"),
        (1000, 100, "1 to 100 of 1,000"),
        (29_000, 9_500, "9,001 to 10,000 of 29,000"),
        (29_000, 29_000, "28,001 to 29,000 of 29,000"),
    ],
)
def test_where_a_line_differs(size: int, at: int, where: str) -> None:
    assert of(*range(1, size + 1)).difference(of(*changed(size, at))) == f"differs first in lines {where}"


def test_lines_that_are_missing_and_lines_that_are_new() -> None:
    whole = of(*range(29_000))
    assert whole.difference(of(*range(28_999))) == (
        "has 28,999 lines and had 29,000, differs first in lines 28,001 to 29,000 of 29,000"
    )
    assert whole.difference(of(*range(12), *range(13, 29_000))) == (
        "has 28,999 lines and had 29,000, differs first in lines 1 to 1,000 of 29,000"
    )
    assert of(1, 2).difference(of(1, 2, 3)) == "has 3 lines and had 2, differs first in lines 1 to 3 of 3"


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12_000), st.integers(1, 12_000))
def test_blocks_of_different_sizes_are_compared(before: int, now: int) -> None:
    found = of(*range(before)).difference(of(*range(now)))
    if before == now:
        assert found == ""
        return
    start, end = (int(word.replace(",", "")) for word in found.split(" lines ")[-1].split(" of ")[0].split(" to "))
    assert start <= min(before, now) + 1 <= end <= max(before, now)


def test_the_same_parts_and_another_whole() -> None:
    first = Fingerprint("a", "symbols", 3, 9, 10, ["x"])
    assert first.difference(Fingerprint("b", "symbols", 3, 9, 10, ["x"])) == (
        "has the same symbols and differs in other ways"
    )


def test_without_parts() -> None:
    assert Fingerprint("a").difference(Fingerprint("b")) == "differs"
    assert Fingerprint("a").difference(Fingerprint("a")) == ""
    assert Fingerprint("a").difference(of(1)) == "differs"


def test_each_difference_is_a_line() -> None:
    before = {"train.en": of(1, 2), "train.de": of(3), "gone.en": of(4), "ids": Fingerprint("a")}
    now = {"train.en": of(1, 3), "train.de": of(3), "new.en": of(4), "ids": Fingerprint("b")}
    assert differences(before, now) == [
        "gone.en was there and is not",
        "new.en is there and was not",
        "train.en differs first in lines 1 to 2 of 2",
    ]
    assert differences(before, before) == []


def test_what_is_made_from_the_rest_counts_where_that_is_the_same() -> None:
    before = {"train.en": of(1), "ids": Fingerprint("a"), "other": Fingerprint("c")}
    assert differences(before, {**before, "ids": Fingerprint("b")}) == ["ids differs"]
