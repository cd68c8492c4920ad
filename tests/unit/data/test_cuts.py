import numpy as np
import pytest

from seqtrain.data.cuts import BreakMode, Cuts, cut_text, document_starts, split_long

FAIRSEQ = [[5, 4, 3, 2, 1], [8, 7, 6, 1], [9, 1]]
"""Sentences that fairseq's break modes are known for; 1 is the end of sentence."""
DOCUMENTS = [[5, 1], [6, 7, 1], [1], [8, 1], [9, 9, 9, 1], [1], [1], [4, 1]]
"""Three documents, the last behind two empty lines."""


def blocks(sentences: list[list[int]], mode: BreakMode, size: int, shift: int = 0) -> list[str]:
    tokens = [token for sentence in sentences for token in sentence]
    cuts = cut_text(offsets(sentences), mode, size, shift)
    assert cuts.starts.dtype == cuts.ends.dtype == np.int64
    return [
        "".join(map(str, tokens[start:end]))
        for start, end in zip(cuts.starts.tolist(), cuts.ends.tolist(), strict=True)
    ]


def offsets(sentences: list[list[int]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])])


@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        (BreakMode.none, 3, ["543", "218", "761", "91"]),
        (BreakMode.none, 5, ["54321", "87619", "1"]),
        (BreakMode.none, 11, ["54321876191"]),
        (BreakMode.none, 20, ["54321876191"]),
        (BreakMode.complete, 6, ["54321", "876191"]),
        (BreakMode.complete_doc, 6, ["54321", "876191"]),
        (BreakMode.complete, 3, ["54321", "8761", "91"]),
        (BreakMode.complete, 11, ["54321876191"]),
        (BreakMode.eos, 1, ["54321", "8761", "91"]),
    ],
)
def test_fairseqs_examples(mode: BreakMode, size: int, expected: list[str]) -> None:
    assert blocks(FAIRSEQ, mode, size) == expected


@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        (BreakMode.none, 5, ["51671", "18199", "91114", "1"]),
        (BreakMode.complete, 6, ["516711", "819991", "1141"]),
        (BreakMode.complete_doc, 6, ["51671", "819991", "41"]),
        (BreakMode.complete_doc, 4, ["51", "671", "81", "9991", "41"]),
        (BreakMode.complete_doc, 1, ["51", "671", "81", "9991", "41"]),
        (BreakMode.eos, 1, ["51", "671", "1", "81", "9991", "1", "1", "41"]),
    ],
)
def test_empty_lines(mode: BreakMode, size: int, expected: list[str]) -> None:
    assert blocks(DOCUMENTS, mode, size) == expected


def test_nothing_but_boundaries() -> None:
    assert blocks([[1], [1]], BreakMode.complete_doc, 4) == []
    assert blocks([[1], [1]], BreakMode.complete, 4) == ["11"]


@pytest.mark.parametrize(
    ("shift", "expected"),
    [(0, ["543", "218", "761", "91"]), (1, ["5", "432", "187", "619", "1"]), (2, ["54", "321", "876", "191"])],
)
def test_a_shift_moves_all_cuts_and_drops_nothing(shift: int, expected: list[str]) -> None:
    assert blocks(FAIRSEQ, BreakMode.none, 3, shift) == expected


def test_a_shift_beyond_the_text() -> None:
    assert blocks([[5, 1]], BreakMode.none, 9, 7) == ["51"]


@pytest.mark.parametrize("mode", BreakMode)
def test_blocks_follow_each_other(mode: BreakMode) -> None:
    random = np.random.default_rng(3)
    sentences = [[7] * random.integers(0, 9) + [1] for _ in range(300)]
    for size in (1, 4, 17, 5000):
        cuts = cut_text(offsets(sentences), mode, size)
        gaps = cuts.starts[1:] - cuts.ends[:-1]
        assert (cuts.ends > cuts.starts).all()
        assert (gaps >= 0).all() if mode is BreakMode.complete_doc else (gaps == 0).all()
        if mode is not BreakMode.eos:
            whole = {
                start
                for start, sentence in zip(offsets(sentences).tolist(), sentences, strict=False)
                if len(sentence) > size
            }
            long = np.flatnonzero(cuts.ends - cuts.starts > size)
            assert {int(start) for start in cuts.starts[long]} <= whole


def test_long_blocks_are_cut_into_pieces() -> None:
    cuts = split_long(Cuts(np.array([0, 5, 12]), np.array([5, 6, 15])), 2)
    assert list(zip(cuts.starts.tolist(), cuts.ends.tolist(), strict=True)) == [
        (0, 2), (2, 4), (4, 5), (5, 6), (12, 14), (14, 15),
    ]  # fmt: skip
    same = split_long(Cuts(np.array([0, 5]), np.array([5, 6])), 5)
    assert (same.starts.tolist(), same.ends.tolist()) == ([0, 5], [5, 6])


def test_documents_start_behind_empty_lines() -> None:
    # 5 1 6 7 1 1 | 8 1 9 9 9 1 1 | 1 | 4 1
    assert document_starts(offsets(DOCUMENTS)).tolist() == [6, 13, 14]
    assert document_starts(offsets(FAIRSEQ)).tolist() == []
