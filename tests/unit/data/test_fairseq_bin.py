import struct
from pathlib import Path

import numpy as np
import pytest

from seqtrain.base import Fingerprint
from seqtrain.data import fairseq_bin
from seqtrain.data.fairseq_bin import FairseqBin
from seqtrain.data.store import Tokens
from seqtrain.errors import DataError
from tests.fairseq_format import write_bin

SENTENCES = [[5, 6, 2], [2], [7, 8, 9, 10, 2], [4, 2]]
HEADER = 26
"""Bytes of an index before the lengths."""


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    write_bin(tmp_path / "train.de-en.de", SENTENCES)
    return tmp_path / "train.de-en.de"


def opened(prefix: Path, vocab_size: int = 12) -> Tokens:
    return FairseqBin(prefix.with_name(f"{prefix.name}.bin")).tokens(vocab_size)


def contents(tokens: Tokens) -> list[list[int]]:
    return [tokens[number].tolist() for number in range(len(tokens))]


def refused(prefix: Path) -> str:
    with pytest.raises(DataError) as found:
        opened(prefix)
    return str(found.value)


def patch(file: Path, at: int, content: bytes) -> None:
    """Write over some bytes of a file."""
    before = file.read_bytes()
    file.write_bytes(before[:at] + content + before[at + len(content) :])


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 8, 9, 10])
def test_every_type_of_integers(tmp_path: Path, code: int) -> None:
    write_bin(tmp_path / "train", SENTENCES, code)
    tokens = opened(tmp_path / "train")
    assert contents(tokens) == SENTENCES
    assert (len(tokens), tokens.lengths.tolist(), tokens.offsets.tolist()) == (4, [3, 1, 5, 2], [0, 3, 4, 9, 11])


def test_bytes_as_fairseq_writes_them(tmp_path: Path) -> None:
    index = (
        "4d4d4944494458 0000 0100000000000000 08 0200000000000000 02000000 01000000 0000000000000000 0400000000000000"
    )
    (tmp_path / "train.idx").write_bytes(bytes.fromhex(index))
    (tmp_path / "train.bin").write_bytes(bytes.fromhex("2c01 0200 0200"))
    assert contents(opened(tmp_path / "train", 301)) == [[300, 2], [2]]


def test_gather(prefix: Path) -> None:
    tokens = opened(prefix)
    flat, lengths = tokens.gather(np.array([2, 0, 2, 1]))
    assert flat.tolist() == [7, 8, 9, 10, 2, 5, 6, 2, 7, 8, 9, 10, 2, 2]
    assert lengths.tolist() == [5, 3, 5, 1]
    assert tokens.gather(np.array([2, 1]), max_length=2)[0].tolist() == [7, 8, 2]
    assert tokens.gather(np.array([], dtype=np.int64))[0].tolist() == []


def test_nothing(tmp_path: Path) -> None:
    write_bin(tmp_path / "valid", [])
    tokens = opened(tmp_path / "valid")
    assert (len(tokens), len(tokens.tokens)) == (0, 0)


@pytest.mark.parametrize(("code", "wrong"), [(2, -1), (8, 12), (8, 65_535), (10, 2**64 - 1), (5, -(2**63))])
def test_an_id_beyond_the_dictionary_is_found_when_it_is_read(tmp_path: Path, code: int, wrong: int) -> None:
    write_bin(tmp_path / "train", [[5, 2], [4, 6, 2], [7, wrong, 2]], code)
    tokens = opened(tmp_path / "train")
    assert tokens.gather(np.array([1, 0]))[0].tolist() == [4, 6, 2, 5, 2]
    message = rf"train.bin: sentence 3, counted from 1, has the id {wrong}, and the dictionary 12 symbols: "
    for read in (lambda: tokens.gather(np.array([1, 2, 0])), lambda: tokens[2], lambda: tokens.tokens[4:8]):
        with pytest.raises(DataError, match=message):
            read()


def test_cut_short(prefix: Path) -> None:
    index, data = (prefix.with_name(f"{prefix.name}.{kind}") for kind in ("idx", "bin"))
    whole = index.read_bytes()
    for size in range(len(whole)):
        index.write_bytes(whole[:size])
        assert str(index) in refused(prefix)
    assert "has 73 bytes, and 4 sentences take 74" in refused(prefix)
    index.write_bytes(whole)
    data.write_bytes(data.read_bytes()[:-1])
    assert f"{data} has 21 bytes, and by {index.name} beside it should have 22: copy the file again" in refused(prefix)
    data.write_bytes(data.read_bytes() + bytes(3))
    assert "has 24 bytes" in refused(prefix)


@pytest.mark.parametrize("missing", ["idx", "bin"])
def test_a_missing_file(prefix: Path, missing: str) -> None:
    file = prefix.with_name(f"{prefix.name}.{missing}")
    file.unlink()
    assert refused(prefix).startswith(f"{file} cannot be read (No such file or directory)")
    file.mkdir()
    assert f"{file} cannot be read (Is a directory)" in refused(prefix)


@pytest.mark.parametrize(
    ("at", "content", "message"),
    [
        (0, b"MMIDIDY", "is no index of fairseq's memory-mapped format"),
        (0, b"TNTIDX\0\0", r"is of fairseq's older format \(--dataset-impl lazy or cached\)"),
        (9, b"\x02", "is of version 2, and this program reads 1"),
        (17, b"\x06", "holds floating-point numbers"),
        (17, b"\x07", "holds floating-point numbers"),
        (17, b"\x00", "names the type 0; known are 1, 2, 3, 4, 5, 8, 9, 10"),
        (17, b"\x0b", "names the type 11"),
        (17, b"\x09", r"lets sentence 2, counted from 1, begin elsewhere"),
        (18, b"\x05", "has 74 bytes, and 5 sentences take 86"),
        (18, b"\xff" * 8, "has 74 bytes, and 18,446,744,073,709,551,615 sentences take"),
        (HEADER + 4, struct.pack("<i", 0), "gives sentence 2, counted from 1, the length 0"),
        (HEADER + 8, struct.pack("<i", -5), "gives sentence 3, counted from 1, the length -5"),
        (HEADER + 12, struct.pack("<i", 3), r"train.de-en.de.bin has 22 bytes, and by .*idx beside it should have 24"),
        (HEADER + 12, struct.pack("<i", 2**31 - 1), "should have 4,294,967,312"),
        (
            HEADER + 16,
            struct.pack("<q", 2),
            "lets sentence 1, counted from 1, begin elsewhere than the one before ends",
        ),
        (HEADER + 40, struct.pack("<q", 2**62), "lets sentence 4, counted from 1, begin elsewhere"),
        (HEADER + 40, struct.pack("<q", -2), "lets sentence 4, counted from 1, begin elsewhere"),
    ],
)
def test_a_wrong_index(prefix: Path, at: int, content: bytes, message: str) -> None:
    patch(prefix.with_name(f"{prefix.name}.idx"), at, content)
    with pytest.raises(DataError, match=message):
        opened(prefix)


def test_sentences_without_an_end(tmp_path: Path) -> None:
    write_bin(tmp_path / "train", [[5, 2], [6, 7]])
    with pytest.raises(DataError, match=r"train.bin: sentence 2, counted from 1, does not end with the id 2"):
        opened(tmp_path / "train")


def test_the_fingerprint_is_of_lengths_and_ids(tmp_path: Path) -> None:
    def described(*sentences: list[int]) -> Fingerprint:
        write_bin(tmp_path / "train", sentences)
        return FairseqBin(tmp_path / "train.bin").fingerprint

    before = described([5, 6, 2], [4, 2])
    assert described([5, 6, 2], [4, 2]) == before
    assert (before.unit, before.size, before.num_bytes) == ("sentences", 2, 10)
    assert before.difference(described([5, 6, 2], [5, 2])) == "differs first in sentences 1 to 2 of 2"
    assert before.difference(described([5, 2], [6, 4, 2])) == "differs first in sentences 1 to 2 of 2"
    assert (
        before.difference(described([5, 6, 2])) == "has 1 sentences and had 2, differs first in sentences 1 to 2 of 2"
    )


def test_where_the_difference_is(tmp_path: Path) -> None:
    sentences = [[2]] * 120_000
    write_bin(tmp_path / "before", sentences)
    sentences[110_500] = [3, 2]
    write_bin(tmp_path / "now", [*sentences, [4, 2]])
    before, now = (FairseqBin(tmp_path / f"{name}.bin").fingerprint for name in ("before", "now"))
    assert len(before.blocks) == 12
    where = "has 120,001 sentences and had 120,000, differs first in sentences 110,001 to 120,000 of 120,001"
    assert before.difference(now) == where


def test_of_a_large_file_samples_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def described(last: int, first: int = 4) -> Fingerprint:
        write_bin(tmp_path / "train", [[first, 2], *[[5, 6, 7, 2]] * 999, [4, 4, 4, 2], [last, 2]])
        return FairseqBin(tmp_path / "train.bin").fingerprint

    monkeypatch.setattr(fairseq_bin, "SMALL", 1000)
    monkeypatch.setattr(fairseq_bin, "SAMPLE", 8)
    before = described(4)
    assert before.difference(described(5)) == "differs first in sentences (sampled) 1,001 to 1,002 of 1,002"
    assert before.difference(described(4, first=5)) == "differs first in sentences (sampled) 1 to 1,000 of 1,002"
    monkeypatch.setattr(fairseq_bin, "SAMPLE", 4)
    assert before != described(4) == described(5), "what no sample holds is not noticed"


def test_joined(tmp_path: Path) -> None:
    parts = [[[5, 6, 2], [2]], [[7, 300, 2]], [], [[4, 2], [8, 9, 2]]]
    for number, sentences in enumerate(parts):
        write_bin(tmp_path / f"train{number}", sentences, code=8 if number == 1 else 1)
    tokens = Tokens.join([opened(tmp_path / f"train{number}", 301) for number in range(4)])
    together = [sentence for part in parts for sentence in part]
    assert contents(tokens) == together
    assert tokens.lengths.tolist() == [3, 1, 3, 2, 3]
    assert tokens.gather(np.array([4, 2, 0]))[0].tolist() == [8, 9, 2, 7, 300, 2, 5, 6, 2]
    assert tokens.gather(np.array([2, 3]), max_length=2)[0].tolist() == [7, 300, 4, 2]
    assert (len(tokens.tokens), tokens.tokens[2:6].tolist()) == (12, [2, 2, 7, 300])


def test_one_alone_is_not_joined(prefix: Path) -> None:
    tokens = opened(prefix)
    assert Tokens.join([tokens]) is tokens
    assert Tokens.join([tokens, tokens]).fingerprint != tokens.fingerprint
