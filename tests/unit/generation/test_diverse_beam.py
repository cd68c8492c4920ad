from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.generation.diverse_beam import DiverseBeams
from seqtrain.generation.hypotheses import Hypotheses

Found = list[list[tuple[str, Any]]]

TABLE = {
    "$": {"a": 0.5, "b": 0.3, "c": 0.2},
    "a": {"$": 0.6, "b": 0.4},
    "b": {"$": 1.0},
    "c": {"$": 0.5, "b": 0.5},
}


@pytest.fixture(params=["incremental", "full forward"])
def model(request: pytest.FixtureRequest, table_model: Callable[..., Any], full_table_model: Callable[..., Any]) -> Any:
    return (table_model if request.param == "incremental" else full_table_model)(TABLE)


def test_a_group_avoids_what_the_one_before_chose(model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    # Position 0: group 0 picks a 0.5 and b 0.3, each of which costs group 1 one nat: c ln 0.2 = -1.609438,
    # a ln 0.5 - 1 = -1.693147, b ln 0.3 - 1 = -2.203973. In turns a, c, b, a: a and c go on.
    # Position 1: a$ = 0.3, ab = 0.2; c$ = cb = 0.1 cost one nat: ln 0.1 - 1 = -3.302585. In turns a$, c$, ab, cb:
    # the first two end. ln 0.3 = -1.203973, both of length 2.
    found = search(model, task, beam=2, nbest=2, diverse_beam_groups=2, diverse_beam_strength=1.0)
    assert found == [[("a", pytest.approx(-0.601986, abs=1e-5)), ("c", pytest.approx(-1.651293, abs=1e-5))]]


def test_groups_that_do_not_care_find_the_same(model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    found = search(model, task, beam=2, nbest=2, diverse_beam_groups=2, diverse_beam_strength=0.0)
    assert found == [[("a", pytest.approx(-0.601986, abs=1e-5))] * 2]


def test_one_group_is_beam_search(recurrent_model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    options = {"beam": 4, "nbest": 4, "max_len_b": 9}
    sources = ["abc", "b", "ca"]
    plain = search(recurrent_model(task), task, sources, **options)
    assert search(recurrent_model(task), task, sources, diverse_beam_groups=1, **options) == plain


def test_what_is_given_costs_nothing(model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    # Both groups have to begin with a: ln 0.5. Then group 0 picks $ and b; for group 1 both cost half a nat: a$ again,
    # ln 0.3 - 0.5 = -1.703973.
    found = search(model, task, ["a"], {"prefix_tokens": torch.tensor([[4]])}, beam=2, nbest=2, diverse_beam_groups=2)
    assert found == [[("a", pytest.approx(-0.601986, abs=1e-5)), ("a", pytest.approx(-0.851986, abs=1e-5))]]


def by_loops(log_probs: Tensor, scores: Tensor, groups: int, strength: float) -> list[tuple[float, int, int]]:
    """Return (score, parent, token) for one sentence, (width, V) and (width,), in plain Python."""
    picked: list[list[tuple[float, int, int]]] = []
    for group in range(groups):
        earlier = [token for each in picked for _, _, token in each]
        own = [
            (float(log_probs[parent, token] + scores[parent]) - strength * earlier.count(token), parent, token)
            for parent in range(group, len(scores), groups)
            for token in range(log_probs.size(1))
        ]
        picked.append(sorted(own, reverse=True)[: 2 * len(scores) // groups])
    return [each[rank] for rank in range(len(picked[0])) for each in picked]


@pytest.mark.parametrize(("groups", "strength"), [(2, 0.5), (3, 1.5), (6, 0.7)])
def test_candidates_are_those_of_the_formula(groups: int, strength: float) -> None:
    torch.manual_seed(groups)
    hypotheses = Hypotheses(GenerationConfig(beam=6), 2, 2, [9, 9], torch.device("cpu"))
    hypotheses.scores = -4 * torch.rand(2, 6)
    log_probs = torch.randn(2, 6, 8).log_softmax(-1)
    found = DiverseBeams(groups, strength).pick(log_probs, hypotheses)
    for row in range(2):
        expected = by_loops(log_probs[row], hypotheses.scores[row], groups, strength)
        assert found.parents[row].tolist() == [parent for _, parent, _ in expected]
        assert found.tokens[row].tolist() == [token for _, _, token in expected]
        assert found.scores[row].tolist() == pytest.approx([score for score, _, _ in expected], abs=1e-5)
