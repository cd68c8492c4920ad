import json
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtrain.data import store
from seqtrain.data.flat_ids import CheckedIds
from seqtrain.data.store import Tokens, TokenStore
from seqtrain.errors import DataError

SENTENCES = [[5, 6, 2], [2], [7, 8, 9, 10, 2], [4, 2]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    TokenStore.write(tmp_path, SENTENCES, vocab_size=12)
    return tmp_path


def contents(tokens: Tokens) -> list[list[int]]:
    return [tokens[index].tolist() for index in range(len(tokens))]


def test_round_trip(directory: Path) -> None:
    opened = TokenStore(directory)
    assert len(opened) == 4
    assert contents(opened) == SENTENCES
    assert opened.lengths.tolist() == [3, 1, 5, 2]
    assert opened.lengths.dtype == np.int32
    opened.verify()


def test_numpy_alone_reads_the_files(directory: Path) -> None:
    tokens, offsets = np.load(directory / "tokens.npy"), np.load(directory / "offsets.npy")
    assert tokens.tolist() == [5, 6, 2, 2, 7, 8, 9, 10, 2, 4, 2]
    assert offsets.tolist() == [0, 3, 4, 9, 11]
    assert (tokens.dtype, offsets.dtype) == (np.dtype("<u2"), np.dtype("<i8"))
    index = json.loads((directory / "store.json").read_text())
    assert (index["version"], index["sentences"], index["tokens"], index["dtype"]) == (1, 4, 11, "<u2")


def test_gather(directory: Path) -> None:
    flat, lengths = TokenStore(directory).gather(np.array([2, 0, 2, 1]))
    assert flat.tolist() == [7, 8, 9, 10, 2, 5, 6, 2, 7, 8, 9, 10, 2, 2]
    assert lengths.tolist() == [5, 3, 5, 1]


def test_gather_with_a_limit(directory: Path) -> None:
    flat, lengths = TokenStore(directory).gather(np.array([2, 1, 0]), max_length=2)
    assert flat.tolist() == [7, 8, 2, 5, 6]
    assert lengths.tolist() == [2, 1, 2]


def test_gather_nothing(directory: Path) -> None:
    flat, lengths = TokenStore(directory).gather(np.array([], dtype=np.int64))
    assert flat.shape == lengths.shape == (0,)


def test_a_part(directory: Path) -> None:
    whole = TokenStore(directory)
    parts = [whole.part(0, 2), whole.part(2, 4), whole.part(4, 4)]
    assert [contents(part) for part in parts] == [SENTENCES[:2], SENTENCES[2:], []]
    assert len({whole.fingerprint, *(part.fingerprint for part in parts)}) == 4
    assert parts[1].gather(np.array([1, 0]))[0].tolist() == [4, 2, 7, 8, 9, 10, 2]


def test_a_part_is_not_read_before_it_is_asked_for() -> None:
    ids, offsets = np.array([5, 2, 77, 2, 6, 2]), np.array([0, 2, 4, 6])
    part = Tokens(CheckedIds(ids, offsets, Path("train.bin"), 10), offsets, "").part(1, 3)
    assert part[1].tolist() == [6, 2]
    with pytest.raises(DataError, match=r"^train.bin: sentence 2, counted from 1, has the id 77"):
        part[0]


def test_index_out_of_range(directory: Path) -> None:
    for index in (-1, 4):
        with pytest.raises(IndexError, match=f"sentence {index} of 4"):
            TokenStore(directory)[index]


def test_an_empty_store(tmp_path: Path) -> None:
    TokenStore.write(tmp_path, [], vocab_size=12)
    opened = TokenStore(tmp_path)
    opened.verify()
    assert (len(opened), contents(opened), np.load(tmp_path / "tokens.npy").shape) == (0, [], (0,))


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_536, np.uint16), (65_537, np.int32)])
def test_type_by_vocabulary(tmp_path: Path, vocab_size: int, dtype: type) -> None:
    TokenStore.write(tmp_path, [[vocab_size - 1, 2]], vocab_size)
    opened = TokenStore(tmp_path)
    assert opened.tokens.dtype == dtype
    assert contents(opened) == [[vocab_size - 1, 2]]


@pytest.mark.parametrize("wrong", [12, -1, 1 << 40])
def test_ids_outside_of_the_dictionary(tmp_path: Path, wrong: int) -> None:
    with pytest.raises(DataError, match=rf"the tokenizer made the id {wrong}, and its dictionary has 12 symbols"):
        TokenStore.write(tmp_path, [[5, 2], [wrong, 2]], vocab_size=12)


def test_a_sentence_without_tokens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a sentence without tokens"):
        TokenStore.write(tmp_path, [[5, 2], []], vocab_size=12)


class Sentence(list[int]):
    """A list that can be referred to weakly."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # lists have none


def test_writing_holds_few_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CHUNK", 3)
    alive, weak = [], weakref.WeakSet[Sentence]()

    def sentences() -> Iterator[Sentence]:
        for number in range(10):
            alive.append(len(weak))
            sentence = Sentence([number, 2])
            weak.add(sentence)
            yield sentence

    TokenStore.write(tmp_path, sentences(), vocab_size=12)
    assert alive == [0, 1, 2, 3, 4, 5, 3, 4, 5, 3]  # of two chunks at most
    assert contents(TokenStore(tmp_path)) == [[number, 2] for number in range(10)]


def test_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    prints = []
    for name, sentences in (("a", SENTENCES), ("b", SENTENCES), ("c", SENTENCES[::-1]), ("d", [[5, 6, 2, 2]])):
        (tmp_path / name).mkdir()
        TokenStore.write(tmp_path / name, sentences, vocab_size=12)
        prints.append(TokenStore(tmp_path / name).fingerprint)
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_every_cut_of_every_file_is_noticed(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("tokens.npy", "offsets.npy", "store.json"):
        whole = (directory / name).read_bytes()
        for size in range(len(whole)):
            (directory / name).write_bytes(whole[:size])
            if name == "store.json" and size == len(whole) - 1:  # only the last newline is missing
                assert contents(TokenStore(directory)) == SENTENCES
                continue
            with pytest.raises(DataError, match=rf"{name}: cannot be used: .*; delete the directory .*made again"):
                TokenStore(directory)
        (directory / name).write_bytes(whole)
    assert contents(TokenStore(directory)) == SENTENCES


def test_every_flipped_byte_is_noticed(directory: Path) -> None:
    for name in ("tokens.npy", "offsets.npy", "store.json"):
        whole = (directory / name).read_bytes()
        for position in range(len(whole)):
            damaged = bytearray(whole)
            damaged[position] ^= 0x10
            (directory / name).write_bytes(damaged)
            with pytest.raises(DataError, match=f"{name}|tokens.npy"):
                TokenStore(directory).verify()
        (directory / name).write_bytes(whole)


@pytest.mark.parametrize("name", ["tokens.npy", "offsets.npy", "store.json"])
def test_a_missing_file(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(DataError, match=rf"{name}: cannot be used: .*No such file or directory.*; delete"):
        TokenStore(directory)


def test_longer_files_are_noticed(directory: Path) -> None:
    with (directory / "tokens.npy").open("ab") as file:
        file.write(b"\x00\x00")
    with pytest.raises(DataError, match=r"tokens\.npy: cannot be used: it should hold 11 numbers of type <u2"):
        TokenStore(directory)


def test_swapped_files_are_noticed(directory: Path) -> None:
    (directory / "tokens.npy").rename(directory / "x")
    (directory / "offsets.npy").rename(directory / "tokens.npy")
    (directory / "x").rename(directory / "offsets.npy")
    with pytest.raises(DataError, match=r"tokens\.npy: cannot be used"):
        TokenStore(directory)


@pytest.mark.parametrize("name", ["tokens.npy", "offsets.npy"])
def test_files_of_another_store_of_that_size(directory: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "other").mkdir()
    TokenStore.write(tmp_path / "other", [[5, 2], *SENTENCES[1:3], [4, 4, 2]], vocab_size=12)
    shutil.copy(tmp_path / "other" / name, directory / name)
    with pytest.raises(DataError, match=rf"{name}: cannot be used: its checksum"):
        TokenStore(directory).verify()


def test_offsets_that_fall_are_noticed(directory: Path) -> None:
    path = directory / "offsets.npy"
    path.write_bytes(path.read_bytes()[:128] + np.array([0, 9, 4, 3, 11]).astype("<i8").tobytes())
    with pytest.raises(DataError, match=r"offsets\.npy: cannot be used: its offsets do not fit"):
        TokenStore(directory)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("[]", "does not describe a token store"),
        ('{"format": "other"}', "does not describe a token store"),
        ('{"format": "seqtrain tokens", "version": 2}', "format version 2, this program reads 1"),
        ('{"format": "seqtrain tokens", "version": 1}', "its fingerprint does not fit"),
        ("{", "no JSON"),
        ("\x00\ufffd", "no JSON"),
    ],
)
def test_other_indexes(directory: Path, index: str, message: str) -> None:
    (directory / "store.json").write_text(index, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        TokenStore(directory)


def test_in_memory_as_on_disk(directory: Path) -> None:
    tokens = Tokens.from_sentences(SENTENCES)
    assert contents(tokens) == SENTENCES
    assert tokens.gather(np.array([3, 0]))[0].tolist() == [4, 2, 5, 6, 2]
    assert len(Tokens.from_sentences([])) == 0
    assert Tokens.from_sentences([[5, 2]]).fingerprint != tokens.fingerprint


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 99_999), min_size=1, max_size=20), max_size=30), st.sampled_from([1, 7, 1000]))
def test_any_sentences_round_trip(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[int]], chunk: int
) -> None:
    directory = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "CHUNK", chunk)
        TokenStore.write(directory, iter(sentences), vocab_size=100_000)
    opened = TokenStore(directory)
    opened.verify()
    assert contents(opened) == sentences
    flat, lengths = opened.gather(np.arange(len(sentences))[::-1])
    assert flat.tolist() == [token for sentence in reversed(sentences) for token in sentence]
    assert lengths.tolist() == [len(sentence) for sentence in reversed(sentences)]
