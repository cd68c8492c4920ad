import pytest

from seqtrain.scorers.chrf import ChrF, ChrFConfig


def test_chrf() -> None:
    # Of the characters 1 of 2, of the pairs 0 of 1, both ways: precision = recall = (1/2 + 0) / 2.
    score = ChrF(ChrFConfig()).score(["ab"], ["ac"])
    assert score.label == "chrF2"
    assert score.value == pytest.approx(25.0)
    assert "case:mixed|eff:yes|nc:6|nw:0|space:no" in score.signature


def test_words_count_too() -> None:
    # Of the characters 2 of 4, of the words 1 of 2: the mean of both.
    score = ChrF(ChrFConfig(char_order=1, word_order=1)).score(["ab cd"], ["ab ef"])
    assert score.label == "chrF2+"
    assert score.value == pytest.approx(50.0)
    assert "nc:1|nw:1" in score.signature


def test_recall_counts_beta_times_as_much() -> None:
    # Precision 1, recall 1/2: (1 + b²) P R / (b² P + R) with b = 1 and 2.
    for beta, expected in ((1, 2 / 3), (2, 2.5 / 4.5)):
        score = ChrF(ChrFConfig(char_order=1, beta=beta)).score(["a"], ["ab"])
        assert score.value == pytest.approx(100 * expected)


def test_case_and_space() -> None:
    assert ChrF(ChrFConfig(lowercase=True)).score(["AB"], ["ab"]).value == pytest.approx(100.0)
    assert ChrF(ChrFConfig()).score(["a b"], ["ab"]).value == pytest.approx(100.0)
    # Of the characters of "a b" 2 of 3 are right, and both of "ab": (1 + 4) (2/3) / (4 * 2/3 + 1).
    score = ChrF(ChrFConfig(char_order=1, whitespace=True)).score(["a b"], ["ab"])
    assert score.value == pytest.approx(100 * 5 * (2 / 3) / (4 * 2 / 3 + 1))


def test_utility_is_of_a_sentence() -> None:
    assert ChrF(ChrFConfig()).utility("ab", "ac") == pytest.approx(25.0)
