"""fairseq's ``.idx`` and ``.bin`` that are damaged."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.fairseq_bin import FairseqBin
from seqtrain.errors import DataError
from tests.fairseq_format import write_bin

Mutate = Callable[[random.Random, bytes], bytes]

SENTENCES = [[5, 6, 2], [2], [7, 8, 9, 10, 2], [4, 2], *([n % 8 + 4, 2] for n in range(50))]
OTHERS = [[2], [5, 6, 2], [7, 8, 9, 10, 2], [4, 2], *([n % 8 + 4, 2] for n in range(50))]
VOCAB_SIZE = 12


def read(file: Path) -> list[list[int]]:
    """Return all sentences, read in both ways."""
    tokens = FairseqBin(file).tokens(VOCAB_SIZE)
    flat, lengths = tokens.gather(np.arange(len(tokens)))
    sentences = [tokens[number].tolist() for number in range(len(tokens))]
    assert [len(sentence) for sentence in sentences] == lengths.tolist()
    assert [id for sentence in sentences for id in sentence] == flat.tolist()
    return sentences


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_bin(tmp_path / "other", OTHERS)
    write_bin(tmp_path / "train", SENTENCES)
    return tmp_path / "train.bin"


def test_a_damaged_index(seeds: range, file: Path, mutate: Mutate) -> None:
    index = file.with_suffix(".idx")
    before = index.read_bytes()
    for seed in seeds:
        damaged = mutate(random.Random(seed), before)
        index.write_bytes(damaged)
        try:
            # What may be damaged is the type: uint16 may be read as int16, of which the small numbers are the same.
            assert read(file) == SENTENCES and damaged[:17] + damaged[18:] == before[:17] + before[18:], seed
        except DataError as error:
            assert str(index) in str(error) or str(file) in str(error), seed


def test_damaged_ids(seeds: range, file: Path, mutate: Mutate) -> None:
    before = file.read_bytes()
    for seed in seeds:
        damaged = mutate(random.Random(seed), before)
        file.write_bytes(damaged)
        try:
            found = read(file)
            assert list(map(len, found)) == list(map(len, SENTENCES)), seed
            assert all(0 <= id < VOCAB_SIZE for sentence in found for id in sentence), seed
            assert all(sentence[-1] == 2 for sentence in found), seed
        except DataError as error:
            assert str(file) in str(error), seed


def test_an_index_of_other_ids(file: Path) -> None:
    (file.with_name("other.idx")).rename(file.with_suffix(".idx"))
    with pytest.raises(DataError, match=r"train\.bin: sentence 1, counted from 1, does not end with the id 2"):
        read(file)
