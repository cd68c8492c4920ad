import math
from pathlib import Path

import pytest
import torch

from seqtrain.errors import ConfigError
from seqtrain.testing.guarantees import Result, Verdict, assert_close, judge, name_of

HERE = Path(__file__).parent


def check_two_things(number: int) -> str | None:
    """Numbers are positive.

    More of it.
    """
    assert number > 0, "not positive\nand more"
    return "even numbers do not count" if number % 2 == 0 else None


def check_raises(error: Exception) -> None:
    """Nothing is raised."""
    raise error


def test_a_check_names_its_guarantee() -> None:
    assert name_of(check_two_things) == "two things"
    assert judge(check_two_things, (1,), HERE) == Result("two things", "Numbers are positive.", Verdict.holds, "")


def test_what_does_not_concern_a_plugin() -> None:
    result = judge(check_two_things, (2,), HERE)
    assert (result.verdict, result.reason) == (Verdict.not_concerned, "even numbers do not count")


def test_a_failed_check_is_told_in_a_line() -> None:
    result = judge(check_two_things, (-1,), Path("/nowhere"))
    assert (result.verdict, result.reason) == (Verdict.broken, "not positive")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConfigError("model.dropout=2"), "model.dropout=2"),
        (ValueError("one\ntwo"), "ValueError: one"),
        (KeyError(), "KeyError"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_whatever_is_raised_is_a_fault_located_in_the_users_files(error: Exception, reason: str) -> None:
    line = check_raises.__code__.co_firstlineno + 2
    assert judge(check_raises, (error,), HERE).reason == f"{reason} ({__file__}:{line})"
    assert judge(check_raises, (error,), Path("/nowhere")).reason == reason


def test_checks_are_seeded_and_leave_the_generator_as_it_was() -> None:
    drawn = []

    def check_draws() -> None:
        """Something is drawn."""
        drawn.append(torch.rand(()).item())

    before = torch.get_rng_state()
    for _ in range(2):
        judge(check_draws, (), HERE)
    assert drawn[0] == drawn[1]
    assert torch.equal(torch.get_rng_state(), before)


def test_tensors_are_compared_by_their_largest_value() -> None:
    expected = torch.tensor([100.0, 0.0])
    assert_close(expected + 0.009, expected, "rounding")
    with pytest.raises(AssertionError, match=r"^it differs: by up to 0\.02, with values of up to 1e\+02$"):
        assert_close(torch.tensor([100.0, 0.02]), expected, "it differs")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_differs(value: float) -> None:
    with pytest.raises(AssertionError, match="it differs"):
        assert_close(torch.tensor([value]), torch.tensor([1.0]), "it differs")


def test_shapes_are_compared() -> None:
    with pytest.raises(AssertionError, match=r"it differs: the shape is \(2, 1\) instead of \(2,\)"):
        assert_close(torch.ones(2, 1), torch.ones(2), "it differs")
    assert_close(torch.ones(0), torch.ones(0), "nothing")
