import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import TaskInfo
from seqtrain.generation.constrained import in_turns
from seqtrain.generation.constraint_state import ConstraintState

Found = list[list[tuple[str, Any]]]
Search = Callable[..., Found]
A, B, C = 4, 5, 6
PAD = 1

TABLE = {
    "$": {"a": 0.6, "b": 0.3, "c": 0.1},
    "a": {"$": 0.5, "a": 0.2, "b": 0.2, "c": 0.1},
    "b": {"$": 0.6, "a": 0.2, "c": 0.2},
    "c": {"$": 0.7, "a": 0.2, "b": 0.1},
}


@pytest.fixture(params=["incremental", "full forward"])
def model(request: pytest.FixtureRequest, table_model: Callable[..., Any], full_table_model: Callable[..., Any]) -> Any:
    return (table_model if request.param == "incremental" else full_table_model)(TABLE, TABLE)


def asked(*sentences: list[list[int]]) -> dict[str, Tensor]:
    """Return the net_input of constraints, a list for each sentence."""
    longest = max((len(x) for sentence in sentences for x in sentence), default=0)
    most = max(map(len, sentences))
    rows = [
        [[*x, *[PAD] * (longest - len(x))] for x in (*sentence, *[[]] * (most - len(sentence)))]
        for sentence in sentences
    ]
    return {"constraint_tokens": torch.tensor(rows, dtype=torch.long).view(len(sentences), most, longest)}


def approx(*found: tuple[str, float]) -> list[Any]:
    return [(text, pytest.approx(score, abs=1e-5)) for text, score in found]


def test_beam_1_takes_the_constraint_at_once(model: Any, task: TaskInfo, search: Search) -> None:
    # Position 0: c 0.1 is in bank 1, a 0.6 and b 0.3 are in bank 0: c, then a. c$ = 0.1 * 0.7.
    # ln 0.07 = -2.659260, length 2.
    found = search(model, task, ["a"], asked([[C]]), beam=1, constraints="ordered")
    assert found == [approx(("c", -1.329630))]


def test_beam_2_shares_itself_out(model: Any, task: TaskInfo, search: Search) -> None:
    # Position 0: in turns c (bank 1), a, b: c 0.1 and a 0.6 go on.
    # Position 1: the best four are aa = ab 0.12, c$ 0.07 and ac 0.06; a$ is not allowed. Bank 1 has c$ and ac, bank 0
    # aa and ab: in turns c$, aa, ac, ab. c$ ends, aa and ac go on.
    # Position 2: ac$ = 0.06 * 0.7 = 0.042 ends as the first of bank 1. ln 0.042 = -3.170086, length 3.
    found = search(model, task, ["a"], asked([[C]]), beam=2, nbest=2, constraints="ordered")
    assert found == [approx(("ac", -1.056695), ("c", -1.329630))]


def test_the_best_of_each_hypothesis_is_a_candidate(table_model: Any, task: TaskInfo, search: Search) -> None:
    table = {
        "$": {"a": 0.9, "b": 0.05, "c": 0.05},
        "a": {"a": 0.25, "b": 0.25, "?": 0.2, "^": 0.2, "c": 0.05, "$": 0.05},
        "c": {"$": 1.0},
    }
    # Position 0: in turns c 0.05 and a 0.9. Position 1: the best four continue a, with 0.225 and 0.18; c$ = 0.05 is the
    # best that continues c. Bank 1 has c$ and ac 0.045: in turns c$, aa, ac, ab. Position 2: ac$ = 0.045.
    # ln 0.05 = -2.995732, length 2; ln 0.045 = -3.101093, length 3.
    found = search(table_model(table), task, ["a"], asked([[C]]), beam=2, nbest=2, constraints="ordered")
    assert found == [approx(("ac", -1.033698), ("c", -1.497866))]


def test_order(model: Any, task: TaskInfo, search: Search) -> None:
    # c first, then b: 0.1 * 0.1 * 0.6 = 0.006, ln -5.115996. In any order b (0.3) goes first: bc$ = 0.3 * 0.2 * 0.7
    # = 0.042, ln -3.170086. Both of length 3.
    ordered = search(model, task, ["a"], asked([[C], [B]]), beam=1, constraints="ordered")
    unordered = search(model, task, ["a"], asked([[C], [B]]), beam=1, constraints="unordered")
    assert ordered == [approx(("cb", -1.705332))]
    assert unordered == [approx(("bc", -1.056695))]


def test_a_constraint_of_several_tokens_is_met_in_a_row(model: Any, task: TaskInfo, search: Search) -> None:
    # b 0.3, a 0.2, c 0.1, $ 0.7: ln 0.0042 = -5.472671, length 4.
    found = search(model, task, ["a"], asked([[B, A, C]]), beam=1, constraints="ordered")
    assert found == [approx(("bac", -1.368168))]


@pytest.mark.parametrize("order", ["ordered", "unordered"])
def test_sentences_without_constraints_are_decoded_as_ever(
    model: Any, task: TaskInfo, search: Search, order: str
) -> None:
    plain = search(model, task, ["a"], beam=2, nbest=2)
    inputs = asked([], [[C]], [])
    found = search(model, task, ["a", "ab", "ab"], inputs, beam=2, nbest=2, constraints=order)
    assert found == [*plain, approx(("ac", -1.056695), ("c", -1.329630)), *plain]
    assert search(model, task, ["a"], beam=2, nbest=2, constraints=order) == plain
    assert search(model, task, ["a"], asked([]), beam=2, nbest=2, constraints=order) == plain


def test_no_room_for_a_constraint(model: Any, task: TaskInfo, search: Search, caplog: pytest.LogCaptureFixture) -> None:
    # b a within two tokens, and then the end at 0.5: ln 0.03 = -3.506558, length 3.
    inputs = asked([[B, A, C]], [[B]]) | {"line_numbers": torch.tensor([7, 8])}
    with caplog.at_level(logging.WARNING):
        found = search(model, task, ["a", "a"], inputs, beam=1, max_len_b=2, constraints="ordered")
    assert found == [approx(("ba", -1.168853)), approx(("b", (math.log(0.3) + math.log(0.6)) / 2))]
    (warning,) = caplog.messages
    assert warning == (
        "line 7: found no output of up to 2 tokens that has all of its constraints: it goes without some of them"
    )


def test_what_does_not_meet_its_constraints_does_not_end_at_the_limit_beside_what_does(
    model: Any, task: TaskInfo, search: Search, caplog: pytest.LogCaptureFixture
) -> None:
    # One token: c (met) and a (not met) are in the beam, and only c may end.
    found = search(model, task, ["a"], asked([[C]]), beam=2, nbest=2, max_len_b=1, constraints="ordered")
    assert found == [approx(("c", -1.329630))]
    assert not caplog.messages


def test_not_even_an_empty_output_goes_without(model: Any, task: TaskInfo, search: Search) -> None:
    table = {"$": {"$": 0.9, "c": 0.1}, "c": {"$": 1.0}}
    model.tables.copy_(type(model)([table, table], task).tables)
    found = search(model, task, ["a"], asked([[C]]), beam=1, min_len=0, constraints="unordered")
    assert found[0][0][0] == "c"


def test_given_tokens_count(model: Any, task: TaskInfo, search: Search) -> None:
    inputs = asked([[B, C]]) | {"prefix_tokens": torch.tensor([[A, B, C]])}
    # abc$ = 0.6 * 0.2 * 0.2 * 0.7 = 0.0168, ln -4.086376, length 4: all is met, and the end is best.
    assert search(model, task, ["a"], inputs, beam=1, constraints="ordered") == [approx(("abc", -1.021594))]


def test_tokens_that_are_ruled_out_take_no_place(model: Any, task: TaskInfo, search: Search) -> None:
    # a is given first, so that c, the constraint's, is not possible at position 0, and takes no place in the beam.
    inputs = asked([[C]]) | {"prefix_tokens": torch.tensor([[A]])}
    # ac$ = 0.6 * 0.1 * 0.7 = 0.042.
    assert search(model, task, ["a"], inputs, beam=1, constraints="ordered") == [approx(("ac", -1.056695))]


def test_banks_take_turns_whatever_the_scores() -> None:
    asks = ConstraintState(((7, 8, 9),), ordered=True)
    states = [asks, asks.after(7), asks.after(7).after(8)]
    # The banks: 3 has -900; 2 has -3; 1 has -2 and -300; 0 has -1, -4 and -500.
    found = [(-1.0, 0, 5), (-300.0, 0, 7), (-2.0, 1, 7), (-3.0, 1, 8), (-500.0, 0, 6), (-900.0, 2, 9), (-4.0, 2, 5)]
    assert in_turns(found, states) == [
        (-900.0, 2, 9),
        (-3.0, 1, 8),
        (-2.0, 1, 7),
        (-1.0, 0, 5),
        (-300.0, 0, 7),
        (-4.0, 2, 5),
        (-500.0, 0, 6),
    ]
