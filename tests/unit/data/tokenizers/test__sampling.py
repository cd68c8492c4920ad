import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from seqtrain.data.tokenizers._sampling import (
    BLOCK,
    LONGEST_WORD,
    SubwordSampler,
    bpe_dropout,
    uniform,
    unigram_sampling,
)

BPE = {"ab": -0.0, "bc": -1.0, "abc": -2.0, **dict.fromkeys("abc", -9.0)}
UNIGRAM = {"ab": -1.0, "bc": -2.0, "a": -3.0, "b": -3.5, "c": -2.5}
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", "a", "b", "ab", "\u2581a", "aa"]


def numbers(*values: float) -> Iterator[float]:
    """Random numbers, and no more of them than there should be need for."""
    return iter(values)


def sampler(dropout: float = 0.5) -> SubwordSampler:
    texts = [None] * 4 + PIECES[4:]
    return SubwordSampler(texts, bpe_dropout({text: -n for n, text in enumerate(PIECES[7:])}, dropout))


def test_uniform_numbers_stay_the_same_for_ever() -> None:
    first = list(islice(uniform(7), 3))
    assert first == [0.46881748695593284, 0.42614583623918467, 0.3629817008336008]
    assert list(islice(uniform(7), BLOCK + 1))[:3] == first


def test_uniform_numbers_are_uniform() -> None:
    drawn = list(islice(uniform(1), 3 * BLOCK))
    assert 0 <= min(drawn) < 0.001 and 0.999 < max(drawn) < 1
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.01)
    assert len(set(drawn)) == len(drawn)


def test_no_dropout_is_bpe() -> None:
    segment = bpe_dropout(BPE, 0.0)
    assert segment("abcab", uniform(1)) == ["abc", "ab"]
    assert segment("abab", uniform(1)) == ["ab", "ab"]
    assert segment("xbcx", uniform(1)) == ["x", "bc", "x"]
    assert segment("", uniform(1)) == []


def test_full_dropout_leaves_characters() -> None:
    assert bpe_dropout(BPE, 1.0)("abcab", uniform(1)) == list("abcab")


def test_a_merge_that_is_left_out_makes_way_for_the_next() -> None:
    segment = bpe_dropout(BPE, 0.5)
    assert segment("abc", numbers(0.4, 0.6, 0.6)) == ["abc"]  # not ab; bc; then a + bc
    assert segment("abc", numbers(0.4, 0.6, 0.4)) == ["a", "bc"]  # the same, but then no merge is left
    assert segment("abc", numbers(0.4, 0.4)) == ["a", "b", "c"]
    assert segment("abc", numbers(0.5, 0.0, 0.9)) == ["abc"]  # ab is the best, whatever becomes of bc


def test_dropout_of_a_word_has_the_probabilities_of_the_algorithm() -> None:
    random, p = uniform(3), 0.3
    found = Counter(tuple(bpe_dropout(BPE, p)("abc", random)) for _ in range(20_000))
    expected = {
        ("a", "b", "c"): p * p,
        ("ab", "c"): (1 - p) * p,
        ("a", "bc"): p * (1 - p) * p,
        ("abc",): (1 - p) * (1 - p) + p * (1 - p) * (1 - p),
    }
    for pieces, probability in expected.items():
        assert found[pieces] / 20_000 == pytest.approx(probability, abs=0.01), pieces


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_unigram_segmentations_have_their_probabilities(alpha: float) -> None:
    segmentations = [("ab", "c"), ("a", "bc"), ("a", "b", "c")]
    weights = [math.exp(alpha * sum(UNIGRAM[piece] for piece in pieces)) for pieces in segmentations]
    random, segment = uniform(3), unigram_sampling(UNIGRAM, alpha)
    found = Counter(tuple(segment("abc", random)) for _ in range(20_000))
    assert found.keys() == set(segmentations)
    for pieces, weight in zip(segmentations, weights, strict=True):
        assert found[pieces] / 20_000 == pytest.approx(weight / sum(weights), abs=0.015), pieces


def test_unigram_needs_no_number_that_is_not_there() -> None:
    # a number at the very top of the range, where rounding could lead beyond the last segmentation
    assert unigram_sampling(UNIGRAM, 0.1)("abc", numbers(*[1 - 2**-53] * 3)) == ["a", "b", "c"]
    assert unigram_sampling(UNIGRAM, 0.1)("abc", numbers(0.0, 0.0)) == ["a", "bc"]


def test_scores_far_apart_do_not_overflow() -> None:
    segment = unigram_sampling({"a": -1e4, "aa": -3e4}, 1.0)
    assert segment("a" * 300, uniform(1)) == ["a"] * 300


def test_special_symbols_stay_and_words_do_not_mix() -> None:
    ids = [8, 6, 7, 2, 3, 5, 2, 2, 8, 5]
    for seed in range(50):
        found = sampler().sample(ids, seed)
        assert [id for id in found if id < 4] == [2, 3, 2, 2]
        text = "".join(PIECES[id] for id in found)
        assert text == "".join(PIECES[id] for id in ids)


def test_no_piece_crosses_the_start_of_a_word() -> None:
    joined = SubwordSampler(
        [None] * 4 + ["a", "\u2581", "a\u2581", "\u2581a"], bpe_dropout({"a\u2581": 0.0, "\u2581a": -1.0}, 0.0)
    )
    assert joined.sample([5, 4, 5, 4], 1) == [7, 7]


def test_text_without_spaces_is_cut_behind_so_many_pieces() -> None:
    ids = [5] * (3 * LONGEST_WORD + 1)
    assert sampler(0.0).sample(ids, 1) == [*[9] * (3 * LONGEST_WORD // 2), 5]


def test_a_word_with_a_piece_that_has_no_id_stays() -> None:
    partial = SubwordSampler([None] * 4 + ["ab", "a"], bpe_dropout({"ab": 0.0}, 0.5))
    assert {tuple(partial.sample([5, 4], seed)) for seed in range(20)} == {(5, 4)}


def test_another_process_draws_the_same() -> None:
    program = (
        "from seqtrain.data.tokenizers._sampling import SubwordSampler, bpe_dropout\n"
        "sampler = SubwordSampler([None] * 4 + ['a', 'b', 'ab'], bpe_dropout({'ab': 0.0}, 0.5))\n"
        "print(sampler.sample([4, 5] * 20, 11))"
    )
    there = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    here = SubwordSampler([None] * 4 + ["a", "b", "ab"], bpe_dropout({"ab": 0.0}, 0.5)).sample([4, 5] * 20, 11)
    assert there.strip() == str(here)
    assert {4, 5, 6} == set(here)
