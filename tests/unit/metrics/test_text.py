import pytest

from seqtrain.config import Scorer
from seqtrain.errors import ConfigError, DataError
from seqtrain.metrics.text import SCORERS, bleu, chrf, exact_match


def test_bleu_of_a_sentence() -> None:
    # n-grams found: 5 of 6, 3 of 5, 2 of 4, 1 of 3; equal lengths, no brevity penalty.
    # (5/6 * 3/5 * 2/4 * 1/3) ** (1/4) = (1/12) ** (1/4) = 0.537285
    score = bleu(["the cat sat on the mat"], ["the cat sat on a mat"])
    assert score.name == "bleu"
    assert score.value == pytest.approx(53.7285, abs=1e-3)
    assert score.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_bleu_is_of_the_corpus_not_the_mean_of_sentences() -> None:
    # With a second sentence that is right, of 4 words: 9 of 10, 6 of 8, 4 of 6, 2 of 4.
    # (9/10 * 6/8 * 4/6 * 2/4) ** (1/4) = 0.225 ** (1/4) = 0.688725
    score = bleu(["the cat sat on the mat", "a dog ran away"], ["the cat sat on a mat", "a dog ran away"])
    assert score.value == pytest.approx(68.8725, abs=1e-3)


def test_bleu_brevity_penalty() -> None:
    # All n-grams are right; 4 words for 5: exp(1 - 5/4) = 0.778801
    assert bleu(["a b c d"], ["a b c d e"]).value == pytest.approx(77.8801, abs=1e-3)


def test_bleu_lowercase() -> None:
    hypotheses, references = ["The Cat Sat On The Mat"], ["the cat sat on the mat"]
    assert bleu(hypotheses, references).value < 10
    score = bleu(hypotheses, references, lowercase=True)
    assert score.value == pytest.approx(100.0)
    assert "case:lc" in score.signature


def test_bleu_tokenizer() -> None:
    hypotheses, references = ["one two three four!"], ["one two three four !"]
    assert bleu(hypotheses, references).value == pytest.approx(100.0)
    score = bleu(hypotheses, references, tokenize="none")
    assert score.value < 70
    assert "tok:none" in score.signature


def test_bleu_tokenizer_must_exist() -> None:
    with pytest.raises(ConfigError, match=r"no tokenizer 'moses'; sacreBLEU's are: .*13a"):
        bleu(["a"], ["a"], tokenize="moses")


def test_chrf() -> None:
    # Of the characters 1 of 2, of the pairs 0 of 1, both ways: precision = recall = (1/2 + 0) / 2.
    score = chrf(["ab"], ["ac"])
    assert score.name == "chrf"
    assert score.value == pytest.approx(25.0)
    assert "nc:6|nw:0" in score.signature
    assert "nw:2" in chrf(["ab"], ["ac"], word_order=2).signature


def test_exact_match_is_a_percentage_of_lines() -> None:
    score = exact_match(["eins", " zwei \n", "drei", "Vier"], ["eins", "zwei", "vier", "vier"])
    assert (score.name, score.value) == ("exact_match", 50.0)


@pytest.mark.parametrize("scorer", list(Scorer))
def test_every_choice_of_the_config_scores(scorer: Scorer) -> None:
    score = SCORERS[scorer.value](["eins zwei drei vier"], ["eins zwei drei vier"])
    assert score.name == scorer.value
    assert score.value == pytest.approx(100.0)


@pytest.mark.parametrize("name", SCORERS)
def test_hypotheses_and_references_must_be_as_many(name: str) -> None:
    with pytest.raises(DataError, match="2 hypotheses cannot be scored against 1 references"):
        SCORERS[name](["a", "b"], ["a"])
    with pytest.raises(DataError, match="no hypotheses to score"):
        SCORERS[name]([], [])
