"""Scores of given targets, on the toy models."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import Hypothesis, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.errors import DataError
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.forced import ForcedDecoder
from seqtrain.nn.ensemble import Ensemble

MakeModel = Callable[..., Any]
NetInput = Callable[[Sequence[str]], dict[str, Tensor]]
Score = Callable[..., list[Hypothesis]]

TRAP = {"$": {"a": 0.6, "b": 0.4}, "a": {"$": 0.4, "a": 0.3, "b": 0.3}, "b": {"$": 0.9, "a": 0.1}}
SURE = {"$": {"a": 0.2, "b": 0.8}, "a": {"$": 0.2, "a": 0.1, "b": 0.7}, "b": {"$": 0.5, "a": 0.5}}


@pytest.fixture
def score(task: TaskInfo, net_input: NetInput) -> Score:
    """A function that scores letters as translations of others."""

    def run(model: Any, targets: Sequence[str], sources: Sequence[str] = (), **options: Any) -> list[Hypothesis]:
        dictionary = task.target_dictionary
        ids = [torch.tensor([*dictionary.encode(text), dictionary.eos]) for text in targets]
        more = {"target_tokens": torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=dictionary.pad)}
        more["line_numbers"] = torch.arange(len(targets)) + 1
        given = net_input(sources or ["a"] * len(targets))
        return [one for (one,) in ForcedDecoder(model, task, **options).generate(given | more)]

    return run


@pytest.fixture(params=["incremental", "full forward"])
def make(request: pytest.FixtureRequest, table_model: MakeModel, full_table_model: MakeModel) -> MakeModel:
    return table_model if request.param == "incremental" else full_table_model


def test_log_probabilities_of_each_token(make: MakeModel, score: Score) -> None:
    found = score(make(TRAP), ["ab", "b", ""])
    # ab$ 0.6 * 0.3 * 0.9 = 0.162, ln -1.820159 / 3; b$ 0.4 * 0.9 = 0.36, ln -1.021651 / 2; $ alone is impossible.
    assert [x.score for x in found] == pytest.approx([-0.606720, -0.510826, -torch.inf], abs=1e-6)
    assert [x.tokens.tolist() for x in found] == [[4, 5, 2], [5, 2], [2]]
    torch.testing.assert_close(found[0].positional_scores, torch.tensor([0.6, 0.3, 0.9]).log())


def test_length_penalty(make: MakeModel, score: Score) -> None:
    # ln 0.162 = -1.820159: / 3 ** 0, / 3 ** 0.5 = 1.732051
    assert score(make(TRAP), ["ab"], lenpen=0.0)[0].score == pytest.approx(-1.820159, abs=1e-6)
    assert score(make(TRAP), ["ab"], lenpen=0.5)[0].score == pytest.approx(-1.050869, abs=1e-6)


def test_an_ensembles_probabilities_are_averaged(make: MakeModel, score: Score) -> None:
    (found,) = score(Ensemble([make(TRAP), make(SURE)]), ["ab"])
    # a (0.6 + 0.2) / 2 = 0.4, b (0.3 + 0.7) / 2 = 0.5, $ (0.9 + 0.5) / 2 = 0.7: ln 0.14 = -1.966113 / 3
    torch.testing.assert_close(found.positional_scores, torch.tensor([0.4, 0.5, 0.7]).log())
    assert found.score == pytest.approx(-0.655371, abs=1e-6)


def test_what_a_search_finds_has_the_score_that_the_search_gave(
    recurrent_model: MakeModel, task: TaskInfo, net_input: NetInput, score: Score
) -> None:
    model = Ensemble([recurrent_model(task), recurrent_model(task, dim=5)])
    sources = ["a", "abcabc", "bb", "cab"]
    cfg = GenerationConfig(beam=3, nbest=3, max_len_b=12, lenpen=0.6)
    for rank in range(3):
        found = [best[rank] for best in SequenceGenerator(cfg, model, task).generate(net_input(sources))]
        texts = ["".join(map(task.target_dictionary.symbol, x.tokens[:-1].tolist())) for x in found]
        forced = score(model, texts, sources, lenpen=0.6)
        assert [x.score for x in forced] == pytest.approx([x.score for x in found], abs=1e-5)
        for left, right in zip(forced, found, strict=True):
            torch.testing.assert_close(left.positional_scores, right.positional_scores, atol=1e-5, rtol=0)


def test_a_score_does_not_depend_on_the_rest_of_the_batch(
    recurrent_model: MakeModel, task: TaskInfo, score: Score
) -> None:
    model = recurrent_model(task).train()
    targets, sources = ["b", "", "abcabcabc", "cc"], ["abcabc", "a", "bb", "cab"]
    together = score(model, targets, sources)
    alone = [score(model, [target], [source])[0] for target, source in zip(targets, sources, strict=True)]
    assert [x.score for x in together] == pytest.approx([x.score for x in alone], abs=1e-6)
    assert model.training  # and yet without dropout


def test_given_tokens_stand_before_the_target_and_count(make: MakeModel, task: TaskInfo, net_input: NetInput) -> None:
    prefixes = torch.tensor([[4, 4], [4, 1]])
    targets = torch.tensor([[5, 2], [2, 1]])
    more = {"prefix_tokens": prefixes, "target_tokens": targets, "line_numbers": torch.tensor([1, 2])}
    scorer = ForcedDecoder(make(TRAP), task)
    (whole,), (short,) = scorer.generate(net_input(["a", "a"]) | more)
    torch.testing.assert_close(whole.positional_scores, torch.tensor([0.6, 0.3, 0.3, 0.9]).log())
    torch.testing.assert_close(short.positional_scores, torch.tensor([0.6, 0.4]).log())
    assert (whole.tokens.tolist(), short.tokens.tolist()) == ([4, 4, 5, 2], [4, 2])


def test_a_target_over_the_limit_is_refused(make: MakeModel, make_task: MakeModel, net_input: NetInput) -> None:
    scorer = ForcedDecoder(make(TRAP), make_task(max_positions=(9, 3)))
    targets = {"target_tokens": torch.tensor([[4, 4, 2, 1], [4, 4, 5, 2]]), "line_numbers": torch.tensor([7, 8])}
    with pytest.raises(DataError, match=r"line 8: the target has 4 tokens for the model's limit of 3"):
        scorer.generate(net_input(["a", "a"]) | targets)
