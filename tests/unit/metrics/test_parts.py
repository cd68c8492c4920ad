import math

from seqtrain.metrics.parts import averages, with_wholes


def test_means_over_parts() -> None:
    metrics = {
        "valid.en-de/loss": 1.0, "valid.de-en/loss": 2.0, "valid1.en-de/loss": 5.0, "valid.en-de/bleu": 30.0,
        "valid.de-en/bleu": 34.0, "test/loss": 9.0,
    }  # fmt: skip
    assert averages(metrics) == {"valid/loss": 1.5, "valid1/loss": 5.0, "valid/bleu": 32.0}


def test_a_part_without_a_value_leaves_none() -> None:
    assert math.isnan(averages({"valid.a/loss": 1.0, "valid.b/loss": math.nan})["valid/loss"])


def test_nothing_is_added_where_there_are_no_parts() -> None:
    assert averages({"valid/loss": 1.0, "valid1/loss": 2.0}) == {}
    assert with_wholes(["valid", "valid1"]) == ["valid", "valid1"]


def test_names_of_wholes() -> None:
    assert with_wholes(["valid.en-de", "valid.de-en"]) == ["valid", "valid.en-de", "valid.de-en"]
