import gzip
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.alignments import gather_links, index_alignments
from seqtrain.data.parallel import ParallelDataset
from seqtrain.data.store import Tokens, TokenStore
from seqtrain.errors import DataError

SOURCE = Tokens.from_sentences([[4, 5, 6, 2], [4, 2], [4, 5, 2]])
TARGET = Tokens.from_sentences([[7, 8, 2], [7, 2], [7, 8, 9, 2]])
LINES = "0-0 1-1 2-1\n\n1-2 0-0\n"


def indexed(tmp_path: Path, *texts: str) -> TokenStore:
    files = [tmp_path / f"train{number}.align.en-de" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return index_alignments(files, SOURCE, TARGET, tmp_path / "cache")


def dataset(links: Tokens | None, *, limits: tuple[int, int] = (10, 10)) -> ParallelDataset:
    pairs = ParallelDataset(SOURCE, TARGET, limits, for_training=False)
    if links is not None:
        pairs.align(links)
    return pairs


@pytest.mark.parametrize("texts", [(LINES,), ("0-0 1-1 2-1\r\n\r\n", "1-2  0-0")])
def test_links_of_pairs_in_any_order(tmp_path: Path, texts: tuple[str, ...]) -> None:
    batch = dataset(indexed(tmp_path, *texts)).collate(np.array([2, 0, 1]))
    assert batch.alignments is not None
    assert batch.alignments.tolist() == [
        [[1, 2], [0, 0], [-1, -1]],
        [[0, 0], [1, 1], [2, 1]],
        [[-1, -1], [-1, -1], [-1, -1]],
    ]


def test_pieces_of_a_batch_have_their_own_links(tmp_path: Path) -> None:
    piece = dataset(indexed(tmp_path, LINES)).collate(np.arange(3)).rows(1, 3)
    assert piece.alignments is not None
    assert piece.alignments.tolist() == [[[-1, -1]] * 3, [[1, 2], [0, 0], [-1, -1]]]


def test_no_links_at_all(tmp_path: Path) -> None:
    batch = dataset(indexed(tmp_path, "\n\n\n")).collate(np.arange(2))
    assert batch.alignments is not None and batch.alignments.shape == (2, 0, 2)


def test_links_to_what_was_cut_off_are_left_out(tmp_path: Path) -> None:
    # 3 tokens of a source, one of them the end of sentence: position 2 is gone; and so is 2 of the target
    batch = dataset(indexed(tmp_path, LINES), limits=(3, 3)).collate(np.array([0, 2]))
    assert batch.alignments is not None
    assert batch.alignments.tolist() == [[[0, 0], [1, 1], [-1, -1]], [[-1, -1], [0, 0], [-1, -1]]]


def test_other_alignments_are_other_data(tmp_path: Path) -> None:
    links = indexed(tmp_path, LINES)
    assert len({dataset(one).fingerprint for one in (None, links, Tokens.from_sentences([[0], [0], [0]]))}) == 3


def test_compressed(tmp_path: Path) -> None:
    file = tmp_path / "train.align.en-de.gz"
    file.write_bytes(gzip.compress(LINES.encode()))
    links = index_alignments([file], SOURCE, TARGET, tmp_path / "cache")
    assert gather_links(links, np.array([1]), np.array([[2, 2]], dtype=np.int32)).shape == (1, 0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-0\n\n0 - 0\n", "train0.align.en-de:3: '0' is no link of token positions such as 0-0"),
        ("0-0\n0-0-0\n\n", "train0.align.en-de:2: '0-0-0' is no link"),
        ("0:0\n\n\n", "train0.align.en-de:1: '0:0' is no link"),
        ("0--1\n\n\n", "train0.align.en-de:1: '0--1' is no link"),
        ("0-²\n\n\n", "train0.align.en-de:1: '0-²' is no link"),
        ("0-0\n1-0\n\n", "train0.align.en-de:2: 1-0 names token 1 of the source, which has 1: positions count tokens"),
        ("0-2\n\n\n", "train0.align.en-de:1: 0-2 names token 2 of the target, which has 2"),
        ("0-0\n\n\n0-0\n", "train0.align.en-de:4: there is no such sentence pair"),
        ("0-0\n", "train0.align.en-de: 1 lines for 3 sentence pairs"),
        ("", "train0.align.en-de: 0 lines for 3 sentence pairs"),
    ],
)
def test_mistakes_are_found_where_they_are(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        indexed(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path}/{message}")
