import math

import pytest
import torch
from torch import Tensor

from seqtrain.base import Dictionary, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.candidates import Candidates
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.rules import (
    Allowed,
    FreeEnd,
    LengthLimit,
    MinimumLength,
    Never,
    NoRepeatedNgrams,
    Prefixes,
    UnknownPenalty,
    forbid,
    force,
    ids_of,
)

INF = math.inf
EOS, UNK, A, B, C = 2, 3, 4, 5, 6
FREE = torch.zeros(1, dtype=torch.long)


def hypotheses_of(*tokens: list[int], beam: int = 1, limit: int = 9) -> Hypotheses:
    """Return hypotheses of equal length, ``beam`` of each sentence."""
    found = Hypotheses(GenerationConfig(beam=beam), EOS, EOS, [limit] * (len(tokens) // beam), torch.device("cpu"))
    for column in torch.tensor(tokens).view(-1, beam, len(tokens[0])).unbind(2):
        parents = torch.arange(beam).clamp(max=found.scores.size(1) - 1).expand_as(column)
        found.extend(Candidates(torch.zeros(column.shape), parents, column), torch.arange(len(column)))
    return found


def log_probs_of(hypotheses: Hypotheses) -> Tensor:
    return torch.zeros(*hypotheses.scores.shape, 7)


def ruled_out(log_probs: Tensor) -> list[list[list[int]]]:
    return [[row.isinf().nonzero().flatten().tolist() for row in beams] for beams in log_probs]


def test_forbid_everywhere_or_in_some_sentences() -> None:
    scores = torch.zeros(2, 1, 3)
    forbid(scores, 1)
    forbid(scores, 2, where=torch.tensor([False, True]))
    assert scores.tolist() == [[[0.0, -INF, 0.0]], [[0.0, -INF, -INF]]]


def test_force_leaves_one_token() -> None:
    scores = torch.tensor([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])
    force(scores, torch.tensor([0, 1]), where=torch.tensor([False, True]))
    assert scores.tolist() == [[[1.0, 2.0, 3.0]], [[-INF, 5.0, -INF]]]


def test_never() -> None:
    hypotheses = hypotheses_of([A], [B])
    log_probs = log_probs_of(hypotheses)
    Never([1, B]).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[[1, B]], [[1, B]]]


def test_unknown_penalty() -> None:
    hypotheses = hypotheses_of([A])
    log_probs = log_probs_of(hypotheses)
    UnknownPenalty(UNK, 0.5).apply(log_probs, hypotheses)
    assert log_probs.tolist() == [[[0, 0, 0, -0.5, 0, 0, 0]]]


@pytest.mark.parametrize(
    ("size", "tokens", "expected"),
    [
        (1, [A, B, A], [A, B]),
        (2, [A, B, A], [B]),  # a b is there, and b would complete it again
        (2, [A, B, C], []),
        (2, [A, A], [A]),  # a a overlaps itself
        (3, [A, B, C, A, B], [C]),
        (3, [A, B], []),
        (2, [A, B, A, C, A], [B, C]),
    ],
)
def test_no_repeated_ngrams(size: int, tokens: list[int], expected: list[int]) -> None:
    hypotheses = hypotheses_of(tokens)
    log_probs = log_probs_of(hypotheses)
    NoRepeatedNgrams(size, FREE).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[expected]]


def test_ngrams_are_those_of_each_hypothesis() -> None:
    hypotheses = hypotheses_of([A, B, A], [B, C, B], beam=2)
    log_probs = log_probs_of(hypotheses)
    NoRepeatedNgrams(2, FREE).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[[B], [C]]]


def test_given_tokens_may_repeat_ngrams() -> None:
    hypotheses = hypotheses_of([A, B, A], [A, B, A])
    log_probs = log_probs_of(hypotheses)
    NoRepeatedNgrams(2, torch.tensor([4, 3])).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[[]], [[B]]]


@pytest.mark.parametrize(("length", "expected"), [(2, [[]]), (3, [[EOS]])])
def test_minimum_length(length: int, expected: list[list[int]]) -> None:
    hypotheses = hypotheses_of([A, B])
    log_probs = log_probs_of(hypotheses)
    MinimumLength(EOS, length).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [expected]


def test_minimum_length_of_each_sentence_and_not_at_its_limit() -> None:
    hypotheses = hypotheses_of([A, B], [A, B])
    log_probs = log_probs_of(hypotheses)
    MinimumLength(EOS, torch.tensor([2, 3])).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[[]], [[EOS]]]
    hypotheses.limits[1] = 2
    log_probs = log_probs_of(hypotheses)
    MinimumLength(EOS, 3).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[[EOS]], [[]]]


def test_limit_and_free_end() -> None:
    hypotheses = hypotheses_of([A], [A])
    hypotheses.limits[1] = 1
    log_probs = log_probs_of(hypotheses) - 1
    FreeEnd(EOS).apply(log_probs, hypotheses)
    LengthLimit(EOS).apply(log_probs, hypotheses)
    assert log_probs[0].tolist() == [[-1.0] * 7]
    assert log_probs[1].tolist() == [[-INF, -INF, 0.0, -INF, -INF, -INF, -INF]]


def test_allowed_tokens_by_sentence_and_hypothesis() -> None:
    hypotheses = hypotheses_of([A], [B], [A], [C], beam=2)
    log_probs = log_probs_of(hypotheses)
    follows = {(0, A): [B, C], (0, B): [A], (1, A): [EOS]}
    Allowed(lambda row, tokens: follows.get((row, int(tokens[-1])), []), EOS).apply(log_probs, hypotheses)
    free = [[[i for i in range(7) if i not in out] for out in beams] for beams in ruled_out(log_probs)]
    assert free == [[[B, C], [A]], [[EOS], [EOS]]]


def test_hypotheses_that_do_not_exist_are_not_asked_about() -> None:
    hypotheses = hypotheses_of([A], [B], beam=2)
    hypotheses.scores[0, 1] = -INF
    seen = []
    rule = Allowed(lambda row, tokens: seen.append(tokens.tolist()) or [C], EOS)  # type: ignore[func-returns-value]
    rule.apply(log_probs_of(hypotheses), hypotheses)
    assert seen == [[A]]


def test_prefixes_force_their_tokens_where_there_are_some() -> None:
    prefixes = Prefixes(torch.tensor([[A, B, 1], [C, A, B], [B, C, 1]]), Dictionary.pad)
    assert prefixes.shared().tolist() == [[A, B], [C, A], [B, C]]
    hypotheses = hypotheses_of([A, B], [C, A], [B, C])
    log_probs = log_probs_of(hypotheses)
    prefixes.apply(log_probs, hypotheses)
    assert log_probs.isfinite().sum((1, 2)).tolist() == [7, 1, 7]
    assert log_probs[1, :, B].tolist() == [0.0]


def test_rules_know_sentences_by_their_row_at_the_beginning() -> None:
    hypotheses = hypotheses_of([A], [B], [C])
    candidates = Candidates(torch.zeros(3, 2), torch.zeros(3, 2, dtype=torch.long), torch.full((3, 2), A))
    hypotheses.extend(candidates, torch.tensor([2]))
    log_probs = log_probs_of(hypotheses)
    Prefixes(torch.tensor([[A, A, A], [A, A, A], [C, A, B]]), Dictionary.pad).apply(log_probs, hypotheses)
    MinimumLength(EOS, torch.tensor([0, 0, 3])).apply(log_probs, hypotheses)
    assert ruled_out(log_probs) == [[[0, 1, EOS, UNK, A, C]]]


def test_symbols_that_are_not_there(task: TaskInfo) -> None:
    dictionary = task.target_dictionary
    assert ids_of(["b", "?"], dictionary) == [B, UNK]
    assert ids_of([], dictionary) == []
    with pytest.raises(ConfigError, match=r"generation\.suppress: the target dictionary has no symbol 'z'"):
        ids_of(["a", "z"], dictionary)
