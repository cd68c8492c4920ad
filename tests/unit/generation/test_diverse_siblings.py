from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqtrain.base import TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.generation.candidates import Candidates
from seqtrain.generation.diverse_siblings import DiverseSiblings
from seqtrain.generation.hypotheses import Hypotheses

Found = list[list[tuple[str, Any]]]

TABLE = {
    "$": {"a": 0.6, "b": 0.4},
    "a": {"$": 0.4, "b": 0.35, "c": 0.25},
    "b": {"$": 0.5, "c": 0.5},
    "c": {"$": 0.9, "c": 0.1},
}


@pytest.fixture(params=["incremental", "full forward"])
def model(request: pytest.FixtureRequest, table_model: Callable[..., Any], full_table_model: Callable[..., Any]) -> Any:
    return (table_model if request.param == "incremental" else full_table_model)(TABLE)


def test_siblings_pay_for_their_rank(model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    # Position 0 costs nothing: a 0.6, b 0.4.
    # Position 1: a$ ln 0.24 - 0.5 = -1.927116, ab ln 0.21 - 1 = -2.560648, ac ln 0.15 - 1.5 = -3.397120;
    # b$ ln 0.2 - 0.5 = -2.109438, bc ln 0.2 - 1 = -2.609438. The best two, a$ and b$, end; both are of length 2.
    found = search(model, task, beam=2, nbest=2, diversity_rate=0.5)
    assert found == [[("a", pytest.approx(-0.963558, abs=1e-5)), ("b", pytest.approx(-1.054719, abs=1e-5))]]


def test_plain_beam_search_prefers_siblings(model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    # Position 1: a$ 0.24, ab 0.21, then b$ and bc 0.2: a$ ends, ab and bc go on.
    # Position 2: bc$ = 0.2 * 0.9 = 0.18 ends, ln 0.18 = -1.714798, length 3; ln 0.24 = -1.427116, length 2.
    found = search(model, task, beam=2, nbest=2)
    assert found == [[("bc", pytest.approx(-0.571599, abs=1e-5)), ("a", pytest.approx(-0.713558, abs=1e-5))]]


def test_what_is_given_costs_nothing(model: Any, task: TaskInfo, search: Callable[..., Found]) -> None:
    # a and b are given; then $ ln 0.5 - 0.5 and c ln 0.5 - 1, in all ln (0.6 * 0.35 * 0.5) = -2.253795 and a rank.
    # ab$ ends with -2.753795, length 3. abc goes on with -3.253795: abc$ + ln 0.9 - 0.5 = -3.859155, length 4.
    inputs = {"prefix_tokens": torch.tensor([[4, 5]])}
    found = search(model, task, ["a"], inputs, beam=2, nbest=2, diversity_rate=0.5)
    assert found == [[("ab", pytest.approx(-0.917932, abs=1e-5)), ("abc", pytest.approx(-0.964789, abs=1e-5))]]


def test_candidates_are_those_of_the_formula() -> None:
    torch.manual_seed(3)
    hypotheses = Hypotheses(GenerationConfig(beam=4), 2, 2, [9, 9], torch.device("cpu"))
    start = Candidates(-4 * torch.rand(2, 4), torch.zeros(2, 4, dtype=torch.long), torch.full((2, 4), 5))
    hypotheses.extend(start, torch.tensor([0, 1]))
    log_probs = torch.randn(2, 4, 6).log_softmax(-1)  # fewer tokens than candidates
    expected = []
    for row in range(2):
        paid = []
        for parent in range(4):
            scores = [(float(x + hypotheses.scores[row, parent]), i) for i, x in enumerate(log_probs[row, parent])]
            ranked = enumerate(sorted(scores, reverse=True), start=1)
            paid += [(score - 0.3 * rank, parent, token) for rank, (score, token) in ranked]
        expected.append(sorted(paid, reverse=True)[:8])
    found = DiverseSiblings(0.3).pick(log_probs, hypotheses)
    assert found.parents.tolist() == [[parent for _, parent, _ in row] for row in expected]
    assert found.tokens.tolist() == [[token for _, _, token in row] for row in expected]
    assert found.scores.flatten().tolist() == pytest.approx([s for row in expected for s, _, _ in row], abs=1e-5)
