from seqtrain.scorers.exact_match import ExactMatch, ExactMatchConfig


def test_it_is_a_percentage_of_lines() -> None:
    score = ExactMatch(ExactMatchConfig()).score(["eins", " zwei \n", "drei", "Vier"], ["eins", "zwei", "vier", "vier"])
    assert (score.value, str(score)) == (50.0, "exact match: 50.0 %")
    assert "case:mixed" in score.signature


def test_lowercase() -> None:
    score = ExactMatch(ExactMatchConfig(lowercase=True)).score(["Vier", "eins"], ["vier", "zwei"])
    assert score.value == 50.0
    assert "case:lc" in score.signature
