import itertools
import re

import pytest
import torch

from seqtrain.generation.constraint_state import ConstraintState, constraint_states

Tokens = tuple[int, ...]


def state_after(constraints: list[str], text: str, *, ordered: bool) -> ConstraintState:
    state = ConstraintState(tuple(tuple(map(ord, x)) for x in constraints), ordered)
    for letter in text:
        state = state.after(ord(letter))
    return state


@pytest.mark.parametrize(
    ("constraints", "ordered", "text", "bank", "met", "following"),
    [
        (["ab", "c"], True, "", 0, False, "a"),
        (["ab", "c"], False, "", 0, False, "ac"),
        (["ab", "c"], True, "a", 1, False, "ab"),  # go on, or begin again
        (["ab", "c"], False, "a", 1, False, "abc"),
        (["ab", "c"], True, "c", 0, False, "a"),  # too early
        (["ab", "c"], False, "c", 1, False, "a"),
        (["ab", "c"], True, "ax", 0, False, "a"),  # begun in vain
        (["ab", "c"], True, "abx", 2, False, "c"),  # what is met stays so
        (["ab", "cd"], True, "abcx", 2, False, "c"),
        (["ab", "c"], True, "abxc", 3, True, ""),
        (["ab", "c"], False, "cxab", 3, True, ""),
        (["aab"], True, "aaa", 2, False, "ab"),  # the last two a may begin it
        (["a", "a"], False, "a", 1, False, "a"),  # twice is twice
        (["a", "a"], True, "aa", 2, True, ""),
        (["a", "ab"], False, "a", 1, False, "ab"),  # it may be the beginning of a b
        (["a", "ab"], False, "ab", 2, False, "a"),  # and is not met by it
        (["a", "ab"], False, "ax", 1, False, "a"),
        (["a", "abc"], False, "abx", 1, False, "a"),
        (["a", "abc", "bx"], False, "abx", 3, False, "a"),
        (["b", "abc"], False, "abx", 1, False, "a"),
        (["a"], True, "ax", 1, True, ""),
        ([], False, "xyz", 0, True, ""),
    ],
)
def test_states(*, constraints: list[str], ordered: bool, text: str, bank: int, met: bool, following: str) -> None:
    state = state_after(constraints, text, ordered=ordered)
    assert (state.bank, state.all_met) == (bank, met)
    assert "".join(map(chr, sorted(state.next_tokens()))) == following


ALL_TEXTS = ["".join(letters) for length in range(8) for letters in itertools.product("ab", repeat=length)]
SETS = [["ab"], ["aab", "b"], ["aba", "ab"], ["ab", "ba"], ["a", "aa"], ["abb", "b", "a"]]


@pytest.mark.parametrize("constraints", SETS)
def test_ordered_constraints_are_met_exactly_where_they_are_there(constraints: list[str]) -> None:
    there = re.compile(".*".join(constraints))
    met = [text for text in ALL_TEXTS if state_after(constraints, text, ordered=True).all_met]
    assert met == [text for text in ALL_TEXTS if there.search(text)]


@pytest.mark.parametrize("constraints", SETS)
def test_constraints_in_any_order_are_met_only_where_they_are_there(constraints: list[str]) -> None:
    there = re.compile("|".join(".*".join(order) for order in itertools.permutations(constraints)))
    met = [text for text in ALL_TEXTS if state_after(constraints, text, ordered=False).all_met]
    assert met and all(there.search(text) for text in met)


@pytest.mark.parametrize("constraints", [["ab", "c"], ["c", "a", "bb"]])
def test_constraints_in_any_order_that_share_nothing_are_met_where_they_are_there(constraints: list[str]) -> None:
    there = re.compile("|".join(".*".join(order) for order in itertools.permutations(constraints)))
    texts = ["".join(letters) for letters in itertools.product("abc", repeat=6)]
    met = [text for text in texts if state_after(constraints, text, ordered=False).all_met]
    assert met == [text for text in texts if there.search(text)]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_token_that_is_asked_for_next_can_always_be_taken(ordered: bool) -> None:
    for constraints, text in itertools.product(SETS, ALL_TEXTS[:63]):
        state = state_after(constraints, text, ordered=ordered)
        if not state.all_met:
            assert max(state.after(token).bank for token in state.next_tokens()) > state.bank


def test_states_from_a_tensor() -> None:
    tokens = torch.tensor([[[4, 5], [6, 1]], [[1, 1], [1, 1]], [[1, 1], [5, 1]]])
    assert [state.left for state in constraint_states(tokens, 1, ordered=True)] == [((4, 5), (6,)), (), ((5,),)]
    assert [state.left for state in constraint_states(tokens[:, :0], 1, ordered=True)] == [(), (), ()]
