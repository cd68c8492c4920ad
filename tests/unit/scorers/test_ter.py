import pytest

from seqtrain.errors import ConfigError
from seqtrain.scorers.ter import TER, TERConfig


def test_edits_for_words() -> None:
    # One word inserted, one substituted; 4 words of reference.
    score = TER(TERConfig()).score(["a b x d e"], ["a b c d"])
    assert score.label == "TER"
    assert score.value == pytest.approx(100 * 2 / 4)
    assert score.signature.startswith("nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:")


def test_a_shift_is_one_edit() -> None:
    assert TER(TERConfig()).score(["c d a b"], ["a b c d"]).value == pytest.approx(100 * 1 / 4)


def test_lower_is_better() -> None:
    assert not TERConfig.maximize
    assert TER(TERConfig()).score(["a b"], ["a b"]).value == 0


def test_options() -> None:
    given: tuple[list[str], list[str]] = (["A b."], ["a b ."])
    assert TER(TERConfig()).score(*given).value == pytest.approx(100 * 2 / 3)  # b. for b, and . is missing
    assert TER(TERConfig(normalized=True)).score(*given).value == 0
    assert TER(TERConfig(no_punct=True)).score(*given).value == 0
    assert TER(TERConfig(normalized=True, case_sensitive=True)).score(*given).value == pytest.approx(100 * 1 / 3)
    score = TER(TERConfig(normalized=True, asian_support=True)).score(["我喜欢茶"], ["我喜欢酒"])
    assert score.value == pytest.approx(100 * 1 / 4)
    assert "norm:yes|punct:yes|asian:yes" in score.signature


def test_asian_support_goes_with_normalization() -> None:
    with pytest.raises(ConfigError, match=r"scorer\.ter\.normalized=true or scorer\.ter\.no_punct=true"):
        TERConfig(asian_support=True)
