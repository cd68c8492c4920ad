from seqtrain.commands._word_scores import Total


def test_totals() -> None:
    assert Total(1, -2.0).plus(-3.5) == Total(2, -5.5)
