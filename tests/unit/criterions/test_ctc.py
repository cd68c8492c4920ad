import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Batch, EncoderModel, LossOutput, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.criterions.ctc import CTC, CTCConfig
from seqtrain.errors import ConfigError
from tests.unit.criterions.conftest import Table

SIXTEENTHS = [
    [[2, 1, 1, 1, 10, 1], [8, 1, 1, 1, 4, 1], [2, 1, 1, 1, 1, 10], [1, 1, 1, 1, 1, 11]],
    [[4, 1, 1, 1, 8, 1], [9, 1, 1, 1, 3, 1], [1, 9, 1, 1, 1, 3], [1, 9, 1, 1, 1, 3]],
]
"""Probabilities of blank, pad, eos, unk, a and b for each position of two sources; of the second two are padding."""
A, B, EOS, PAD = 4, 5, 2, 1


class Labels(EncoderModel):
    """Gives the logits that it holds, some for each position of the source."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.logits = nn.Parameter(torch.tensor(SIXTEENTHS).log())

    def extract_features(self, **_: Tensor) -> Tensor:
        return self.logits

    def project(self, features: Tensor) -> Tensor:
        return features


def batch_of(target: list[list[int]], positions: int = 4) -> Batch:
    """Two sentences, the first of all positions, the second of half as many."""
    tokens = torch.tensor(target)
    net_input = {
        "source_tokens": torch.zeros(2, positions, dtype=torch.int64),
        "source_lengths": torch.tensor([positions, positions // 2]),
    }
    return Batch(torch.arange(2), net_input, tokens, ntokens=int(tokens.ne(PAD).sum()), nsentences=2)


def run(task: TaskInfo, batch: Batch, *, train: bool = True, **values: Any) -> LossOutput:
    output: LossOutput = CTC(CTCConfig(**values), task).train(train)(Labels(task), batch)
    return output


def probability(sentence: int, length: int, target: list[int]) -> float:
    """Add up the probabilities of all paths that stand for the target: blanks and repetitions left out."""
    total = 0.0
    for path in product(range(6), repeat=length):
        kept = [id for before, id in zip([0, *path], path, strict=False) if id not in (0, before)]
        if kept == target:
            total += math.prod(SIXTEENTHS[sentence][position][id] / 16 for position, id in enumerate(path))
    return total


@pytest.mark.parametrize("positions", [4, 2])
def test_it_is_the_probability_of_all_paths(positions: int, task: TaskInfo) -> None:
    """Of 4 positions, or of 2 for which the model predicts two symbols each."""
    output = run(task, batch_of([[A, B, EOS], [A, EOS, PAD]], positions))
    expected = -math.log(probability(0, 4, [A, B])) - math.log(probability(1, 2, [A]))
    assert output.loss.item() == pytest.approx(expected, rel=1e-5)
    assert output.sample_size == 5
    ((name, (value, weight)),) = output.metrics.items()
    assert (name, weight) == ("loss", 5)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_the_same_token_twice_needs_a_blank_between(task: TaskInfo) -> None:
    # a, blank, a in three of four positions
    assert run(task, batch_of([[A, A, EOS], [A, EOS, PAD]])).loss.item() == pytest.approx(
        -math.log(probability(0, 4, [A, A])) - math.log(probability(1, 2, [A])), rel=1e-5
    )


def test_a_target_that_is_too_long(task: TaskInfo) -> None:
    batch = batch_of([[A, B, EOS, PAD], [A, B, A, EOS]])
    assert run(task, batch).loss.item() == math.inf
    assert run(task, batch, zero_infinity=True).loss.item() == pytest.approx(
        -math.log(probability(0, 4, [A, B])), rel=1e-5
    )


def test_the_error_rate_of_the_likeliest_path(task: TaskInfo) -> None:
    # a, blank, b, b is ab; a, blank is a, and what is padding does not count
    value, weight = run(task, batch_of([[A, B, EOS], [A, EOS, PAD]]), train=False).metrics["token_error_rate"]
    assert (value, weight) == (0, 3)
    value, weight = run(task, batch_of([[B, A, EOS], [B, B, EOS]]), train=False).metrics["token_error_rate"]
    assert (value, weight) == (2 + 2, 4)


def test_the_average_over_sentences(task: TaskInfo) -> None:
    assert run(task, batch_of([[A, B, EOS], [A, EOS, PAD]]), sentence_avg=True).sample_size == 2


def test_a_gpu_has_no_deterministic_algorithm(task: TaskInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of([[A, B, EOS], [A, EOS, PAD]])
    monkeypatch.setattr(Tensor, "is_cuda", True)
    assert run(task, batch).loss.isfinite()
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    with pytest.raises(ConfigError, match=r"of CTC on cuda: set training\.deterministic=false, or"):
        run(task, batch)
    with torch.no_grad():
        assert run(task, batch, train=False).loss.isfinite()


def test_a_model_of_the_target(task: TaskInfo) -> None:
    with pytest.raises(ConfigError, match=r"each position of the source, and Table does not: choose criterion="):
        CTC(CTCConfig(), task)(Table(task), batch_of([[A, B, EOS], [A, EOS, PAD]]))


def test_a_model_of_other_positions(task: TaskInfo) -> None:
    with pytest.raises(ConfigError, match="the source has 3 positions, and this model's output 4"):
        run(task, batch_of([[A, B, EOS], [A, EOS, PAD]], positions=3))
