import math

import torch

from seqtrain.generation.candidates import forbid, force, score_tokens, top_candidates

INF = math.inf


def test_score_tokens_adds_log_probabilities_in_fp32() -> None:
    # Softmax of (0, ln 3) is (1/4, 3/4), and of (ln 2, ln 2) is (1/2, 1/2).
    logits = torch.tensor([[0.0, math.log(3)], [math.log(2), math.log(2)]])
    scores = score_tokens(logits, torch.tensor([[math.log(0.5), math.log(0.1)]]))
    torch.testing.assert_close(scores.exp(), torch.tensor([[[0.125, 0.375], [0.05, 0.05]]]))
    assert score_tokens(logits.bfloat16(), torch.zeros(1, 2)).dtype == torch.float32


def test_score_tokens_leaves_the_logits_alone() -> None:
    logits = torch.tensor([0.0, 1.0]).expand(2, 2)
    forbid(score_tokens(logits, torch.zeros(1, 2)), 0)
    assert logits.tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_forbid_everywhere_or_in_some_sentences() -> None:
    scores = torch.zeros(2, 1, 3)
    forbid(scores, 1)
    forbid(scores, 2, where=torch.tensor([False, True]))
    assert scores.tolist() == [[[0.0, -INF, 0.0]], [[0.0, -INF, -INF]]]


def test_force_leaves_one_token() -> None:
    scores = torch.tensor([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])
    force(scores, torch.tensor([0, 1]), where=torch.tensor([False, True]))
    assert scores.tolist() == [[[1.0, 2.0, 3.0]], [[-INF, 5.0, -INF]]]


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
