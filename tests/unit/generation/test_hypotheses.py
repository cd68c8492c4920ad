import math

import pytest
import torch

from seqtrain.config import GenerationConfig
from seqtrain.errors import SeqtrainError
from seqtrain.generation.candidates import Candidates
from seqtrain.generation.hypotheses import Hypotheses

EOS = 2
CPU = torch.device("cpu")


def candidates(scores: list[list[float]], parents: list[list[int]], tokens: list[list[int]]) -> Candidates:
    return Candidates(torch.tensor(scores), torch.tensor(parents), torch.tensor(tokens))


def test_starts_from_one_empty_hypothesis_a_sentence() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=2), EOS, EOS, [3, 4], CPU)
    assert hypotheses.scores.tolist() == [[0.0], [0.0]]
    assert hypotheses.prev_tokens.tolist() == [EOS, EOS]
    assert hypotheses.tokens.shape == (2, 1, 0)


def test_begin_with_given_tokens() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=2), EOS, EOS, [3, 4], CPU)
    hypotheses.begin(torch.tensor([[4, 5], [6, 7]]), torch.tensor([[-1.0, -2.0], [-3.0, -4.0]]))
    assert hypotheses.prev_tokens.tolist() == [5, 7]
    assert hypotheses.tokens.tolist() == [[[4, 5]], [[6, 7]]]
    assert hypotheses.scores.tolist() == [[-3.0], [-7.0]]
    hypotheses.finish(candidates([[-3.5, -9.0], [-7.5, -9.0]], [[0, 0], [0, 0]], [[EOS, 4], [EOS, 4]]))
    (first,), (second,) = hypotheses.finished
    assert (first.tokens.tolist(), second.tokens.tolist()) == ([4, 5, EOS], [6, 7, EOS])
    assert second.positional_scores.tolist() == [-3.0, -4.0, -0.5]


def test_extend_takes_the_first_candidates_that_do_not_end_and_says_where_they_come_from() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=2), EOS, EOS, [3, 4], CPU)
    first = candidates([[-1.0, -2.0, -3.0, -4.0]] * 2, [[0, 0, 0, 0]] * 2, [[4, 5, 6, 7], [EOS, 7, 6, 5]])
    assert hypotheses.extend(first, torch.tensor([0, 1])).tolist() == [0, 0, 1, 1]
    assert hypotheses.prev_tokens.tolist() == [4, 5, 7, 6]
    # Sentence 0 leaves; in sentence 1 hypothesis 1 goes on twice.
    second = candidates([[-5.0, -6.0, -7.0, -8.0]] * 2, [[0, 0, 1, 1], [1, 0, 1, 0]], [[4, 5, 6, 7], [4, EOS, 5, 6]])
    assert hypotheses.extend(second, torch.tensor([1])).tolist() == [3, 3]
    assert hypotheses.prev_tokens.tolist() == [4, 5]
    assert hypotheses.scores.tolist() == [[-5.0, -7.0]]
    # 6 4 $ with log-probabilities up to each token -3, -5, -8: each token's own are -3, -2, -3.
    hypotheses.finish(candidates([[-8.0, -9.0, -9.5, -9.9]], [[0, 1, 0, 1]], [[EOS, 5, 6, 7]]))
    (done,) = hypotheses.finished[1]
    assert done.tokens.tolist() == [6, 4, EOS]
    assert done.positional_scores.tolist() == [-3.0, -2.0, -3.0]
    assert done.score == pytest.approx(-8.0 / 3)


def test_what_ends_leaves_where_there_is_nothing_in_its_place() -> None:
    hypotheses = Hypotheses(GenerationConfig(sampling=True, nbest=3), EOS, EOS, [3], CPU)
    hypotheses.extend(candidates([[0.0] * 3], [[0] * 3], [[4, 4, 4]]), torch.tensor([0]))
    drawn = candidates([[-1.0, -2.0, -3.0]], [[0, 1, 2]], [[4, EOS, 5]])
    hypotheses.finish(drawn)
    assert hypotheses.extend(drawn, torch.tensor([0])).tolist() == [0, 2, 1]
    assert hypotheses.scores.tolist() == [[-1.0, -3.0, -math.inf]]
    assert len(hypotheses.finished[0]) == 1


def test_finish_passes_over_candidates_without_probability() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=2), EOS, EOS, [3], CPU)
    hypotheses.finish(candidates([[-1.0, -math.inf, -math.inf, -math.inf]], [[0] * 4], [[EOS, EOS, 4, 5]]))
    assert len(hypotheses.finished[0]) == 1


def test_unfinished_ends_with_enough_hypotheses_or_at_the_limit() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=1), EOS, EOS, [0, 1, 1], CPU)
    hypotheses.finish(candidates([[-1.0, -2.0]] * 3, [[0, 0]] * 3, [[4, 5], [EOS, 4], [4, EOS]]))
    assert hypotheses.unfinished().tolist() == [2]


def test_results_of_equal_score_come_in_the_order_they_ended() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=3, nbest=2, lenpen=0.0), EOS, EOS, [3], CPU)
    hypotheses.finish(candidates([[-2.0, -3.0, -4.0, -5.0, -6.0, -7.0]], [[0] * 6], [[EOS, 4, 5, 6, 7, 8]]))
    first = candidates([[-1.0, -2.0, -4.0, -5.0, -6.0, -7.0]], [[0] * 6], [[4, 5, 6, 7, 8, 9]])
    hypotheses.extend(first, torch.tensor([0]))
    hypotheses.finish(
        candidates([[-1.5, -2.0, -4.0, -5.0, -6.0, -7.0]], [[1, 2, 0, 0, 0, 0]], [[EOS, EOS, 4, 5, 6, 7]])
    )
    assert [x.tokens.tolist() for x in hypotheses.results()[0]] == [[5, EOS], [EOS]]


def test_a_sentence_without_a_result_is_an_error() -> None:
    hypotheses = Hypotheses(GenerationConfig(beam=1), EOS, EOS, [3, 3], CPU)
    hypotheses.finish(candidates([[-1.0, -2.0], [math.nan, math.nan]], [[0, 0]] * 2, [[EOS, 4]] * 2))
    with pytest.raises(SeqtrainError, match="no output for sentence 1 of a batch"):
        hypotheses.results()
