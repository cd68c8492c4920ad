import builtins
import logging
from typing import Any

import pytest
from sacrebleu.metrics.bleu import BLEU as SacreBLEU

from seqtrain.errors import ConfigError
from seqtrain.scorers import TextScore
from seqtrain.scorers.bleu import BLEU, BLEUConfig, BleuTokenizer, Smoothing


def bleu(hypotheses: list[str], references: list[str], *, language: str = "", **options: Any) -> TextScore:
    return BLEU(BLEUConfig(**options), language).score(hypotheses, references)


def test_of_a_sentence() -> None:
    # n-grams found: 5 of 6, 3 of 5, 2 of 4, 1 of 3; equal lengths, no brevity penalty.
    # (5/6 * 3/5 * 2/4 * 1/3) ** (1/4) = (1/12) ** (1/4) = 0.537285
    score = bleu(["the cat sat on the mat"], ["the cat sat on a mat"])
    assert score.label == "BLEU"
    assert score.value == pytest.approx(53.7285, abs=1e-3)
    assert score.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_it_is_of_the_corpus_not_the_mean_of_sentences() -> None:
    # With a second sentence that is right, of 4 words: 9 of 10, 6 of 8, 4 of 6, 2 of 4.
    # (9/10 * 6/8 * 4/6 * 2/4) ** (1/4) = 0.225 ** (1/4) = 0.688725
    score = bleu(["the cat sat on the mat", "a dog ran away"], ["the cat sat on a mat", "a dog ran away"])
    assert score.value == pytest.approx(68.8725, abs=1e-3)


def test_brevity_penalty() -> None:
    # All n-grams are right; 4 words for 5: exp(1 - 5/4) = 0.778801
    assert bleu(["a b c d"], ["a b c d e"]).value == pytest.approx(77.8801, abs=1e-3)


def test_lowercase() -> None:
    hypotheses, references = ["The Cat Sat On The Mat"], ["the cat sat on the mat"]
    assert bleu(hypotheses, references).value < 10
    score = bleu(hypotheses, references, lowercase=True)
    assert score.value == pytest.approx(100.0)
    assert "case:lc" in score.signature


def test_tokenizer(caplog: pytest.LogCaptureFixture) -> None:
    hypotheses, references = ["one two three four!"], ["one two three four !"]
    assert bleu(hypotheses, references).value == pytest.approx(100.0)
    with caplog.at_level(logging.WARNING):
        score = bleu(hypotheses * 200, references * 200, tokenizer=BleuTokenizer["none"])
    assert score.value < 70
    assert "tok:none" in score.signature
    assert not caplog.records, "that the text is tokenised is on purpose"


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [("", "13a"), ("de", "13a"), ("zh", "zh"), ("zh_CN", "zh"), ("zho_Hans", "zh"), ("ZH-tw", "zh"), ("zha", "13a")],
)
def test_the_tokenizer_is_that_of_the_language(language: str, tokenizer: str) -> None:
    assert f"|tok:{tokenizer}|" in bleu(["a"], ["a"], language=language).signature
    assert "|tok:char|" in bleu(["a"], ["a"], language=language, tokenizer=BleuTokenizer["char"]).signature


def test_chinese_counts_characters() -> None:
    # Of the characters 4 of 5, of the pairs 2 of 4, of three 1 of 3, of four 0 of 2, which exp makes 1/2 of 2.
    # (4/5 * 2/4 * 1/3 * 1/4) ** (1/4) = (1/30) ** (1/4) = 0.427287
    assert bleu(["我喜欢喝茶"], ["我喜欢吃茶"], language="zh").value == pytest.approx(42.7287, abs=1e-3)


@pytest.mark.parametrize(
    ("language", "hypothesis", "reference", "right"),
    [
        ("ja", "私は紅茶が好きです。", "私は緑茶が好きです。", 6 / 7),  # 私 は 緑茶 が 好き です 。
        ("ko", "나는 홍차를 좋아한다.", "나는 녹차를 좋아한다.", 5 / 6),  # 나 는 녹차 를 좋아한다 .
    ],
)
def test_words_of_languages_without_spaces(language: str, hypothesis: str, reference: str, right: float) -> None:
    score = bleu([hypothesis], [reference], language=language, max_ngram_order=1)
    assert score.value == pytest.approx(100 * right)
    assert f"|tok:{language}-mecab-" in score.signature


@pytest.mark.parametrize(("language", "extra"), [("ja", "ja"), ("jpn_Jpan", "ja"), ("ko", "ko")])
def test_a_language_whose_tokenizer_is_not_installed(
    language: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("ja", "ko"):
        monkeypatch.setattr(f"sacrebleu.tokenizers.tokenizer_{module}_mecab.MeCab", None)
    message = rf"tokenizer {extra}-mecab, which needs pip install 'seqtrain\[{extra}\]'; .*scorer\.bleu\.tokenizer=char"
    with pytest.raises(ConfigError, match=message):
        BLEU(BLEUConfig(), language)


def test_a_model_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.download_file", fail)
    with pytest.raises(ConfigError, match=r"^scorer\.bleu\.tokenizer=flores200: .* no route to host"):
        BLEU(BLEUConfig(tokenizer=BleuTokenizer["flores200"]))


def test_the_tokenizers_are_sacrebleus() -> None:
    assert {one.name for one in BleuTokenizer} - {"auto"} <= set(SacreBLEU.TOKENIZERS)


def test_smoothing() -> None:
    # 2 of 3 words, 0 of 2 pairs: exp makes it 1/2 of 2, floor 0.1 of 2; add_k 3 of 4 words, 1 of 3 pairs.
    given: tuple[list[str], list[str]] = (["a x b"], ["a y b"])
    for smoothing, expected in (
        (Smoothing.exp, (2 / 3 * 1 / 4) ** 0.5),
        (Smoothing.floor, (2 / 3 * 0.1 / 2) ** 0.5),
        (Smoothing.add_k, (2 / 3 * 1 / 3) ** 0.5),
        (Smoothing.none, 0),
    ):
        score = bleu(*given, smoothing=smoothing, max_ngram_order=2)
        assert score.value == pytest.approx(100 * expected, abs=1e-9), smoothing
        assert score.signature.endswith("|order:2")
    value = bleu(*given, smoothing=Smoothing.floor, smooth_value=0.5, max_ngram_order=2).value
    assert value == pytest.approx(100 * (2 / 3 * 0.5 / 2) ** 0.5)


def test_a_value_needs_a_smoothing_that_adds_one() -> None:
    with pytest.raises(ConfigError, match=r"smooth_value=0\.5 goes with"):
        BLEUConfig(smooth_value=0.5)


def test_utility_is_of_a_sentence() -> None:
    # 2 of 2 words, 1 of 1 pair; of longer n-grams there are none, which a corpus would count as 0.
    assert BLEU(BLEUConfig()).utility("a b", "a b") == pytest.approx(100.0)
    assert BLEU(BLEUConfig()).utility("a b", "c d") == 0.0


def test_sacrebleu_is_imported_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *arguments: Any) -> Any:
        assert not name.startswith("sacrebleu")
        return imported(name, *arguments)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    BLEUConfig(lowercase=True)
    with pytest.raises(AssertionError):
        BLEU(BLEUConfig())
