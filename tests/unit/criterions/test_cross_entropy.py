import math

import pytest
import torch

from seqtrain.base import Batch, Model, TaskInfo
from seqtrain.criterions.cross_entropy import CrossEntropy, CrossEntropyConfig
from tests.unit.criterions.conftest import SIXTEENTHS


def test_by_hand(model: Model, batch: Batch, task: TaskInfo) -> None:
    output = CrossEntropy(CrossEntropyConfig(), task)(model, batch)
    nll = 8 * math.log(2)  # -log of 8/16, 2/16, 2/16, 8/16: 1 + 3 + 3 + 1
    assert output.loss.item() == pytest.approx(nll, rel=1e-6)
    assert output.sample_size == 4
    assert sorted(output.metrics) == ["loss", "nll_loss"]
    for value, weight in output.metrics.values():
        assert float(value) == pytest.approx(nll, rel=1e-6)
        assert weight == 4


def test_the_gradient_by_hand(model: Model, batch: Batch, task: TaskInfo) -> None:
    CrossEntropy(CrossEntropyConfig(), task)(model, batch).loss.backward()
    # the probabilities less 1 for the target; nothing where there is padding
    sixteenths = [
        [[-8, 4, 1, 1, 1, 1], [1, 1, 1, -14, 1, 10], [4, 2, -14, 2, 2, 4]],
        [[1, 1, -8, 1, 4, 1], [0] * 6, [0] * 6],
    ]
    torch.testing.assert_close(next(model.parameters()).grad, torch.tensor(sixteenths) / 16)


def test_the_average_over_sentences_changes_the_sample_size_alone(model: Model, batch: Batch, task: TaskInfo) -> None:
    output = CrossEntropy(CrossEntropyConfig(sentence_avg=True), task)(model, batch)
    assert output.sample_size == 2
    assert output.loss.item() == pytest.approx(8 * math.log(2), rel=1e-6)
    assert output.metrics["loss"].weight == 4


def test_the_z_loss_is_reported_and_leaves_the_likelihood_clean(model: Model, batch: Batch, task: TaskInfo) -> None:
    output = CrossEntropy(CrossEntropyConfig(z_loss=0.1), task)(model, batch)
    # the exponentials of the logits of each of the 4 tokens add up to 16
    nll, z_loss = 8 * math.log(2), 0.1 * 4 * math.log(16) ** 2
    assert output.loss.item() == pytest.approx(nll + z_loss, rel=1e-6)
    values = {name: float(value) for name, (value, _) in output.metrics.items()}
    expected = {"loss": nll + z_loss, "nll_loss": nll, "z_loss": z_loss}
    assert values == pytest.approx(expected, rel=1e-6)
    assert [weight for _, weight in output.metrics.values()] == [4, 4, 4]


def test_the_gradient_of_the_z_loss_by_hand(model: Model, batch: Batch, task: TaskInfo) -> None:
    CrossEntropy(CrossEntropyConfig(z_loss=0.1), task)(model, batch).loss.backward()
    factor = 1 + 2 * 0.1 * math.log(16)
    expected = factor * torch.tensor(SIXTEENTHS) / 16
    for sentence, position, symbol in ((0, 0, 0), (0, 1, 3), (0, 2, 2), (1, 0, 2)):
        expected[sentence, position, symbol] -= 1
    expected[1, 1:] = 0  # padding
    torch.testing.assert_close(next(model.parameters()).grad, expected)
