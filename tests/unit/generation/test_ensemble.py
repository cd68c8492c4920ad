"""Ensembles on the toy models: probabilities are averaged, whatever each model is like."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import Hypothesis, Model, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.token_scores import token_log_probs
from seqtrain.nn.ensemble import Ensemble

Found = list[list[tuple[str, float]]]
Search = Callable[..., Found]
MakeModel = Callable[..., Any]
NetInput = Callable[[list[str]], dict[str, Tensor]]

# p(next | prev) of two models: $ is end of sentence, and what decoding starts from.
ONE = {"$": {"a": 0.8, "b": 0.2}, "a": {"$": 0.1, "c": 0.9}, "b": {"$": 0.6, "c": 0.4}, "c": {"$": 1.0}}
TWO = {"$": {"a": 0.3, "b": 0.7}, "a": {"$": 0.7, "c": 0.3}, "b": {"$": 1.0}, "c": {"$": 0.5, "a": 0.5}}
SOURCES = ["a", "abcabc", "bb", "cab", "ccccc", "abc", "ba"]


def close(found: Found, expected: Found) -> bool:
    texts, scores = ([[h[i] for h in sentence] for sentence in found] for i in (0, 1))
    assert texts == [[text for text, _ in sentence] for sentence in expected]
    return [s for each in scores for s in each] == pytest.approx([s for each in expected for _, s in each], abs=1e-5)


@pytest.fixture(params=["incremental", "full forward", "mixed"])
def ensemble(request: pytest.FixtureRequest, table_model: MakeModel, full_table_model: MakeModel) -> Ensemble:
    first = full_table_model if request.param == "full forward" else table_model
    second = table_model if request.param == "incremental" else full_table_model
    return Ensemble([first(ONE), second(TWO)])


def test_probabilities_are_averaged(ensemble: Ensemble, task: TaskInfo, search: Search) -> None:
    # Start: a (0.8 + 0.3) / 2 = 0.55, b 0.45. After a: $ 0.4, c 0.6; after b: $ 0.8, c 0.2; after c: $ 0.75, a 0.25.
    # Greedy: a, c (0.33), $ (0.2475): ln 0.2475 = -1.396345, length 3.
    assert close(search(ensemble, task, beam=1), [[("ac", -0.465448)]])
    # Beam 2: b$ = 0.36 is the first, ac 0.33 and a$ 0.22 follow: only b$ ends within the first two; ac 0.33 and
    # bc 0.09 go on; ac$ = 0.2475 ends, aca 0.0825. ln 0.36 = -1.021651, length 2.
    assert close(search(ensemble, task, beam=2, nbest=2), [[("ac", -0.465448), ("b", -0.510826)]])


def test_each_alone_finds_something_else(table_model: MakeModel, task: TaskInfo, search: Search) -> None:
    # 0.8 * 0.9 * 1 = 0.72: ln -0.328504, length 3. 0.7 * 1: ln -0.356675, length 2.
    assert close(search(table_model(ONE), task, beam=2), [[("ac", -0.109501)]])
    assert close(search(table_model(TWO), task, beam=2), [[("b", -0.178337)]])


def test_temperature_is_each_models(ensemble: Ensemble, task: TaskInfo, search: Search) -> None:
    # At 0.5 probabilities are squared and made a distribution: start of one a 0.64 / 0.68 = 0.941176, of two
    # 0.09 / 0.58 = 0.155172: mean 0.548174. After a: c 0.81 / 0.82 = 0.987805 and 0.155172: mean 0.571489.
    # After c: $ 1 and 0.5: 0.75. ln (0.548174 * 0.571489 * 0.75) = -1.448354, length 3.
    assert close(search(ensemble, task, beam=1, temperature=0.5), [[("ac", -0.482785)]])


def test_a_model_twice_is_the_model(
    recurrent_model: MakeModel, full_recurrent_model: MakeModel, task: TaskInfo, search: Search
) -> None:
    options = {"beam": 3, "nbest": 3, "max_len_b": 12}
    alone = search(recurrent_model(task), task, SOURCES, **options)
    mixed = Ensemble([recurrent_model(task), full_recurrent_model(task)])
    assert close(search(mixed, task, SOURCES, **options), alone)


def test_what_the_search_gives_is_the_mean_over_all_positions(
    recurrent_model: MakeModel, task: TaskInfo, net_input: NetInput
) -> None:
    models = [recurrent_model(task), recurrent_model(task, dim=5)]
    ensemble = Ensemble(models).eval()
    source = net_input(["cab", "a"])
    cfg = GenerationConfig(beam=4, max_len_b=9)
    for row, (best,) in enumerate(SequenceGenerator(cfg, ensemble, task).generate(source)):
        expected = mean_by_hand(models, {name: x[row : row + 1] for name, x in source.items()}, best)
        torch.testing.assert_close(best.positional_scores, expected, atol=1e-5, rtol=0)
        assert best.score == pytest.approx(expected.mean().item(), abs=1e-5)


@torch.no_grad()
def mean_by_hand(models: list[Model], source: dict[str, Tensor], hypothesis: Hypothesis) -> Tensor:
    """Return log(1/M sum p_m) of each token by a forward pass of each model."""
    given = {name: source[name] for name in ("source_tokens", "source_lengths")}
    prev_output_tokens = torch.tensor([[2, *hypothesis.tokens[:-1].tolist()]])
    probabilities = []
    for model in models:
        logits = model(**given, prev_output_tokens=prev_output_tokens).logits[0]
        probabilities.append(logits.softmax(-1)[torch.arange(len(hypothesis.tokens)), hypothesis.tokens])
    return torch.stack(probabilities).mean(0).log()


def test_as_a_model_and_for_given_tokens_it_gives_the_same(ensemble: Ensemble, net_input: NetInput) -> None:
    given = net_input(["a"]) | {"prev_output_tokens": torch.tensor([[2, 4, 6]])}
    target = torch.tensor([[4, 6, 2]])
    expected = torch.tensor([[0.55, 0.6, 0.75]]).log()  # as above
    torch.testing.assert_close(token_log_probs(ensemble, given, target), expected)
    logits = ensemble(**given).logits
    torch.testing.assert_close(logits.gather(2, target.unsqueeze(-1)).squeeze(-1), expected)
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(1, 3))


def test_impossible_for_all_is_impossible(ensemble: Ensemble, net_input: NetInput) -> None:
    log_probs = ensemble(**net_input(["a"]) | {"prev_output_tokens": torch.tensor([[2]])}).logits[0, 0]
    assert log_probs[6] == -math.inf and not log_probs.isnan().any()


def test_each_model_sees_the_rows_that_are_left(table_model: MakeModel, task: TaskInfo, search: Search) -> None:
    at_once = {"$": {"a": 0.6, "b": 0.4}, "a": {"$": 1.0}, "b": {"$": 1.0}}
    loop = {"$": {"a": 1.0}, "a": {"$": 0.1, "a": 0.9}}
    models = [table_model(at_once, loop), table_model(at_once, loop)]
    search(Ensemble(models), task, ["a", "ab", "b"], beam=2, max_len_b=3)
    assert [model.rows_seen for model in models] == [[3, 6, 2], [3, 6, 2]]


def test_all_decode_in_eval_mode(recurrent_model: MakeModel, task: TaskInfo, search: Search) -> None:
    ensemble = Ensemble([recurrent_model(task), recurrent_model(task, dim=5)]).train()
    found = search(ensemble, task, SOURCES, beam=2, max_len_b=8)
    assert all(model.training for model in ensemble.modules())
    assert found == search(ensemble.eval(), task, SOURCES, beam=2, max_len_b=8)
