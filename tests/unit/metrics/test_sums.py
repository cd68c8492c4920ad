import math

import pytest
import torch

from seqtrain.base import Sum
from seqtrain.metrics.sums import add_sums, bits_per_unit, reduce_sums, strict_json, to_log_base


def test_add_sums_adds_values_and_weights_by_name() -> None:
    first = {"loss": Sum(6.0, 3), "accuracy": Sum(1.0, 2)}
    total = add_sums([first, {"loss": Sum(4.0, 2)}, {"extra": Sum(7.0, 1)}])
    assert total == {"loss": Sum(10.0, 5), "accuracy": Sum(1.0, 2), "extra": Sum(7.0, 1)}
    assert first["loss"] == Sum(6.0, 3)


def test_add_sums_of_nothing_is_nothing() -> None:
    assert add_sums([]) == {}


def test_add_sums_does_not_change_tensors() -> None:
    value = torch.tensor(6.0)
    total = add_sums([{"loss": Sum(value, torch.tensor(3))}, {"loss": Sum(torch.tensor(4.0), torch.tensor(2))}])
    assert value.item() == 6.0
    assert reduce_sums(total) == {"loss": 2.0}  # (6 + 4) / (3 + 2)


def test_reduce_sums_divides_once_at_the_end() -> None:
    # Batches of 1 and 9 tokens with losses 5 and 9: 14 / 10, not the mean of 5 / 1 and 9 / 9.
    total = add_sums([{"loss": Sum(5.0, 1)}, {"loss": Sum(9.0, 9)}])
    assert reduce_sums(total) == {"loss": pytest.approx(1.4)}


def test_perplexity_comes_from_nll_loss() -> None:
    # exp(6.907755 / 3) = 1000 ** (1 / 3) = 10
    metrics = reduce_sums({"loss": Sum(9.0, 3), "nll_loss": Sum(math.log(1000), 3)})
    assert metrics == {"loss": 3.0, "nll_loss": pytest.approx(2.302585), "ppl": pytest.approx(10.0)}


def test_bits_of_each_unit_of_a_text() -> None:
    # 8 tokens of ln 4 = 2 bits: 16 bits for 10 characters, 16 bytes, 2 words.
    counts = {"tokens": 8, "characters": 10, "bytes": 16, "words": 2, "nothings": 0}
    assert bits_per_unit({"nll_loss": math.log(4)}, counts) == {
        "bits_per_character": pytest.approx(1.6),
        "bits_per_byte": pytest.approx(1.0),
        "bits_per_word": pytest.approx(8.0),
    }
    assert bits_per_unit({"nll_loss": 1.0}, {"sentences": 3}) == bits_per_unit({"loss": 1.0}, counts) == {}


def test_perplexity_beyond_floats_is_infinite() -> None:
    assert reduce_sums({"nll_loss": Sum(1000.0, 1)})["ppl"] == math.inf


def test_perplexity_of_nan_is_nan() -> None:
    assert math.isnan(reduce_sums({"nll_loss": Sum(math.nan, 1)})["ppl"])


def test_a_metric_of_no_weight_is_left_out() -> None:
    assert reduce_sums({"loss": Sum(2.0, 1), "nll_loss": Sum(0.0, 0), "accuracy": Sum(0.0, torch.tensor(0))}) == {
        "loss": 2.0
    }


def test_to_log_base_changes_losses_only() -> None:
    metrics = {"loss": math.log(8), "train/nll_loss": math.log(2), "ppl": 2.0, "lr": 0.5}
    # ln 8 = 3 ln 2
    assert to_log_base(metrics, 2) == {"loss": pytest.approx(3.0), "train/nll_loss": 1.0, "ppl": 2.0, "lr": 0.5}
    assert to_log_base(metrics, math.e) == metrics


def test_strict_json_has_no_numbers_that_are_none() -> None:
    assert strict_json({"ppl": math.inf, "loss": math.nan, "bleu": 1.5, "name": "ü"}) == (
        '{"ppl": null, "loss": null, "bleu": 1.5, "name": "ü"}'
    )
    assert strict_json({"parts": {"test.en-de": {"ppl": math.inf}}}) == '{"parts": {"test.en-de": {"ppl": null}}}'
    assert strict_json({"log_probs": [-0.5, math.nan]}) == '{"log_probs": [-0.5, null]}'


@pytest.mark.parametrize(("base", "displayed"), [(2.0, 3.0), (8.0, 1.0), (math.e, 2.0794415)])
def test_the_perplexity_is_the_base_to_the_power_of_the_displayed_loss(base: float, displayed: float) -> None:
    # 4 tokens of probability 1/8 each: 3 bits, ln 8 = 2.0794415 nats, a perplexity of 8 whatever the unit
    shown = to_log_base(reduce_sums({"nll_loss": Sum(4 * math.log(8), 4)}), base)
    assert shown == {"nll_loss": pytest.approx(displayed), "ppl": pytest.approx(8.0)}
    assert base ** shown["nll_loss"] == pytest.approx(shown["ppl"])
