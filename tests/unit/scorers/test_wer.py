import pytest

from seqtrain.scorers.wer import WER, WERConfig


def test_edits_for_words_of_all_references() -> None:
    # One of 3 words is another, one of 2 is missing, and one is inserted: 3 edits for 6 words.
    score = WER(WERConfig()).score(["a b x", "c", "d e"], ["a b c", "c d", "d"])
    assert str(score) == "WER: 50.00"
    assert score.value == pytest.approx(50.0)
    assert score.signature == "nrefs:1|case:mixed|unit:word|punct:yes"
    assert not WERConfig.maximize


def test_characters() -> None:
    # "ab c" has 4 characters; one is another, and one is missing.
    score = WER(WERConfig(char_level=True)).score(["axc"], ["ab  c"])
    assert score.label == "CER"
    assert score.value == pytest.approx(100 * 2 / 4)
    assert "unit:char" in score.signature


def test_case_and_punctuation() -> None:
    assert WER(WERConfig(lowercase=True)).score(["Ja"], ["ja"]).value == 0
    assert WER(WERConfig(no_punct=True)).score(["ja , doch ?!"], ["ja doch"]).value == 0
    assert WER(WERConfig(no_punct=True)).score(["ja, doch"], ["ja doch"]).value == 50.0


def test_nothing_to_say() -> None:
    assert WER(WERConfig()).score(["a b"], [""]).value == 200.0
