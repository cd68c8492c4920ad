import math

import torch

from seqtrain.generation.candidates import has_choice, top_candidates


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


def test_a_token_without_an_alternative_is_no_choice() -> None:
    no = -math.inf
    log_probs = torch.tensor([[[-1.0, no, -2.0], [no, -1.0, no], [no, no, no]]])
    assert has_choice(log_probs).tolist() == [[[True], [False], [False]]]
