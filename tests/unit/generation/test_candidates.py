import math

import pytest
import torch

from seqtrain.generation.candidates import BLOCK, has_choice, top_candidates


def test_top_candidates_of_all_hypotheses_of_a_sentence() -> None:
    scores = torch.tensor([[[1.0, 5.0, 2.0], [4.0, 0.0, 3.0]]])
    scores, parents, tokens = top_candidates(scores, 4)
    assert scores.tolist() == [[5.0, 4.0, 3.0, 2.0]]
    assert parents.tolist() == [[0, 1, 1, 0]]
    assert tokens.tolist() == [[1, 0, 2, 2]]


def test_top_candidates_of_equal_score_come_by_hypothesis_and_id() -> None:
    scores = torch.tensor([[[0.0, 7.0, 7.0], [7.0, 0.0, 9.0]]])
    _, parents, tokens = top_candidates(scores, 4)
    assert parents.tolist() == [[1, 0, 0, 1]]
    assert tokens.tolist() == [[2, 1, 2, 0]]


def test_what_is_missing_does_not_exist() -> None:
    scores, _, _ = top_candidates(torch.tensor([[[1.0, 5.0, 2.0]]]), 5)
    assert scores.tolist() == [[5.0, 2.0, 1.0, -math.inf, -math.inf]]


@pytest.mark.parametrize("vocabulary", [7, 20 * BLOCK, 20 * BLOCK + 1, 21 * BLOCK - 1])
@pytest.mark.parametrize("distinct", [3, 10**6])
def test_top_candidates_among_many_are_those_of_a_whole_sort(vocabulary: int, distinct: int) -> None:
    torch.manual_seed(vocabulary)
    scores = torch.randint(distinct, (4, 3, vocabulary)).float()
    scores[0, :, 2:] = -math.inf
    scores[1, 1, -1] = scores[2, 2, -1] = distinct  # what is best stands at the end
    found = top_candidates(scores, 6)
    expected = scores.flatten(1).sort(descending=True, stable=True).values[:, :6]
    torch.testing.assert_close(found.scores, expected, rtol=0, atol=0)
    picked = scores[torch.arange(4)[:, None], found.parents, found.tokens]
    torch.testing.assert_close(picked, expected, rtol=0, atol=0)
    places = found.parents * vocabulary + found.tokens
    assert all(len(set(row)) == 6 for row in places.tolist())
    in_order = places.diff() > 0
    assert bool((in_order | (expected.diff() < 0)).all())


def test_a_token_without_an_alternative_is_no_choice() -> None:
    no = -math.inf
    log_probs = torch.tensor([[[-1.0, no, -2.0], [no, -1.0, no], [no, no, no]]])
    assert has_choice(log_probs).tolist() == [[[True], [False], [False]]]
