from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from seqtrain.base import Batch, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.errors import DataError
from seqtrain.generation.requests import GivenReferences, GivenRequests, Request, numbered

# a, b, c are 4, 5, 6; padding is 1.
CFG = GenerationConfig(max_len_b=4)


def batch(ids: Sequence[int], **net_input: Tensor) -> Batch:
    return Batch(torch.tensor(ids), net_input, torch.tensor([[4, 5, 2], [6, 2, 1]]), 5, len(ids))


def given(task: TaskInfo, *requests: Request, cfg: GenerationConfig = CFG) -> GivenRequests:
    return GivenRequests(list(enumerate(requests, start=11)), task, cfg)


def lists(found: dict[str, Tensor]) -> dict[str, list[object]]:
    return {name: x.tolist() for name, x in found.items()}


def test_lines_are_numbered_from_one() -> None:
    assert lists(numbered(batch([2, 0]))) == {"line_numbers": [3, 1]}


def test_the_beginnings_of_references() -> None:
    assert lists(GivenReferences(0)(batch([2, 0]))) == {"line_numbers": [3, 1]}
    assert lists(GivenReferences(1)(batch([2, 0])))["prefix_tokens"] == [[4], [6]]
    assert lists(GivenReferences(9)(batch([2, 0])))["prefix_tokens"] == [[4, 5, 2], [6, 2, 1]]


def test_a_text_alone_asks_for_nothing(task: TaskInfo) -> None:
    assert lists(given(task, Request("a"), Request("b"))(batch([1, 0]))) == {"line_numbers": [12, 11]}


def test_prefixes_are_padded_on_the_right(task: TaskInfo) -> None:
    asked = given(task, Request("a", "ab"), Request("b"), Request("c", "cba"))
    assert lists(asked(batch([2, 1, 0]))) == {
        "line_numbers": [13, 12, 11],
        "prefix_tokens": [[6, 5, 4], [1, 1, 1], [4, 5, 1]],
    }
    assert "prefix_tokens" not in asked(batch([1]))


def test_prefixes_stand_behind_what_the_task_begins_with(task: TaskInfo) -> None:
    asked = given(task, Request("a", "b"), Request("b"))
    found = asked(batch([0, 1], prefix_tokens=torch.tensor([[6, 1], [6, 4]])))
    assert found["prefix_tokens"].tolist() == [[6, 5], [6, 4]]


def test_a_prefix_that_is_not_all_known_is_warned_of(task: TaskInfo, caplog: pytest.LogCaptureFixture) -> None:
    given(task, Request("a", "b"), Request("a", "b?"))
    assert caplog.messages == [
        "line 12: the target dictionary does not know all of the prefix 'b?': unknown words stand in it"
    ]


def test_constraints_are_padded_on_both_sides(task: TaskInfo) -> None:
    asked = given(task, Request("a", "", ("ab", "c")), Request("b"), Request("c", "", ("abc",)))
    assert lists(asked(batch([0, 1, 2]))) == {
        "line_numbers": [11, 12, 13],
        "constraint_tokens": [[[4, 5, 1], [6, 1, 1]], [[1, 1, 1], [1, 1, 1]], [[4, 5, 6], [1, 1, 1]]],
    }
    assert "constraint_tokens" not in asked(batch([1]))


def test_constraints_that_the_dictionary_does_not_know(task: TaskInfo) -> None:
    with pytest.raises(DataError) as error:
        given(task, Request("a", "", ("ab", "a?")), Request("b", "", ("c",)), Request("c", "", ("?",)))
    assert str(error.value).splitlines() == [
        f"line {number}: no output can have the constraint {text!r}: the target dictionary does not know all of it"
        for number, text in ((11, "a?"), (13, "?"))
    ]


def test_prefixes_longer_than_outputs(task: TaskInfo) -> None:
    asked = given(task, Request("a", "abca"), Request("b", "abcab"), Request("c", "abcabc"))
    with pytest.raises(DataError) as error:
        asked(batch([0, 1, 2]))
    first, second = str(error.value).splitlines()
    assert first.startswith("line 12: its prefix has 5 tokens, and outputs have at most 4 (generation.max_len_a, ")
    assert second.startswith("line 13: its prefix has 6 tokens")


def test_the_longest_prefix_depends_on_the_source_and_on_the_model(task: TaskInfo) -> None:
    cfg = GenerationConfig(max_len_a=1.5, max_len_b=0)
    asked = given(task, Request("a", "abca"), Request("b", "abcabc"), cfg=cfg)
    assert asked(batch([1], source_lengths=torch.tensor([4])))["prefix_tokens"].tolist() == [[4, 5, 6, 4, 5, 6]]
    with pytest.raises(DataError, match=r"^line 11: its prefix has 4 tokens, and outputs have at most 3[^0-9]"):
        given(task, Request("a", "abca"), cfg=GenerationConfig(max_len_a=1, max_len_b=0))(
            batch([0], source_lengths=torch.tensor([3]))
        )
    short = TaskInfo(task.source_dictionary, task.target_dictionary, (1024, 4))
    with pytest.raises(DataError, match=r"^line 11: its prefix has 4 tokens, and outputs have at most 3 "):
        given(short, Request("a", "abca"))(batch([0]))


def test_the_longest_prefix_where_outputs_are_as_long_as_their_sources(task: TaskInfo) -> None:
    asked = given(task, Request("a", "ab"), cfg=GenerationConfig(match_source_len=True))
    assert asked(batch([0], source_tokens=torch.tensor([[4, 5, 2]])))["prefix_tokens"].tolist() == [[4, 5]]
    with pytest.raises(DataError, match=r"^line 11: its prefix has 2 tokens, and outputs have at most 1 "):
        asked(batch([0], source_tokens=torch.tensor([[4, 2, 1]])))
