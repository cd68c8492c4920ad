import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seqtrain.base import Batch, LossOutput, Model, TaskInfo
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.errors import ConfigError


def run(task: TaskInfo, model: Model, batch: Batch, **values: float) -> LossOutput:
    output: LossOutput = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(**values), task)(model, batch)  # type: ignore[arg-type]  # one of several types
    return output


def test_by_hand(model: Model, batch: Batch, task: TaskInfo) -> None:
    # nll: (1 + 3 + 3 + 1) log 2; with smoothing 0.2 each of the 5 other symbols is expected with 0.04;
    # sum(-log p): 19 log 2; 19 log 2 + log 1.6; 16 log 2; 19 log 2
    output = run(task, model, batch, label_smoothing=0.2)
    loss = 0.76 * 8 * math.log(2) + 0.04 * (73 * math.log(2) + math.log(1.6))
    assert output.loss.item() == pytest.approx(loss, rel=1e-6)
    assert output.sample_size == 4
    assert sorted(output.metrics) == ["loss", "nll_loss"]
    assert float(output.metrics["loss"].value) == pytest.approx(loss, rel=1e-6)
    assert float(output.metrics["nll_loss"].value) == pytest.approx(8 * math.log(2), rel=1e-6)
    assert [total.weight for total in output.metrics.values()] == [4, 4]


def test_the_gradient_by_hand(model: Model, batch: Batch, task: TaskInfo) -> None:
    run(task, model, batch, label_smoothing=0.2).loss.backward()  # type: ignore[no-untyped-call]  # torch's
    # the probabilities less 0.8 for the target and 0.04 for the others
    expected = torch.zeros(2, 3, 6)
    expected[0, 0] = torch.tensor([8, 4, 1, 1, 1, 1]) / 16 - torch.tensor([0.8, 0.04, 0.04, 0.04, 0.04, 0.04])
    expected[0, 1] = torch.tensor([1, 1, 1, 2, 1, 10]) / 16 - torch.tensor([0.04, 0.04, 0.04, 0.8, 0.04, 0.04])
    expected[0, 2] = torch.tensor([4, 2, 2, 2, 2, 4]) / 16 - torch.tensor([0.04, 0.04, 0.8, 0.04, 0.04, 0.04])
    expected[1, 0] = torch.tensor([1, 1, 8, 1, 4, 1]) / 16 - torch.tensor([0.04, 0.04, 0.8, 0.04, 0.04, 0.04])
    torch.testing.assert_close(next(model.parameters()).grad, expected)


def test_without_smoothing_it_is_the_cross_entropy(model: Model, batch: Batch, task: TaskInfo) -> None:
    output = run(task, model, batch, label_smoothing=0.0)
    assert output.loss.item() == pytest.approx(8 * math.log(2), rel=1e-6)


def test_the_prefix_does_not_count(model: Model, batch: Batch, task: TaskInfo) -> None:
    output = run(task, model, batch, label_smoothing=0.2, ignore_prefix_size=1, report_accuracy=True)
    loss = 0.76 * 6 * math.log(2) + 0.04 * (35 * math.log(2) + math.log(1.6))
    assert output.loss.item() == pytest.approx(loss, rel=1e-6)
    assert output.sample_size == 2
    assert [total.weight for total in output.metrics.values()] == [2, 2, 2]
    output.loss.backward()  # type: ignore[no-untyped-call]  # torch's
    gradient = next(model.parameters()).grad
    assert gradient is not None
    assert gradient.abs().sum(-1).ne(0).tolist() == [[False, True, True], [False, False, False]]


def test_a_prefix_that_is_all_there_is(model: Model, batch: Batch, task: TaskInfo) -> None:
    output = run(task, model, batch, ignore_prefix_size=3)
    assert (output.loss.item(), output.sample_size) == (0.0, 0)


def test_accuracy_is_counted_when_asked(model: Model, batch: Batch, task: TaskInfo) -> None:
    value, weight = run(task, model, batch, report_accuracy=True).metrics["accuracy"]
    assert (float(value), weight) == (2.0, 4)


def test_the_average_over_sentences(model: Model, batch: Batch, task: TaskInfo) -> None:
    assert run(task, model, batch, sentence_avg=True).sample_size == 2


def test_the_number_of_tokens_is_not_asked_of_the_device(
    model: Model, batch: Batch, task: TaskInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Tensor) -> int:
        raise AssertionError("a GPU would be waited for")

    for name in ("item", "__int__", "tolist", "nonzero"):
        monkeypatch.setattr(Tensor, name, refuse)
    assert type(run(task, model, batch).sample_size) is int


def test_the_defaults_smooth_by_a_tenth() -> None:
    cfg = LabelSmoothedCrossEntropyConfig()
    assert (cfg.label_smoothing, cfg.ignore_prefix_size, cfg.report_accuracy) == (0.1, 0, False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"label_smoothing": -0.1},
            "LabelSmoothedCrossEntropyConfig.label_smoothing=-0.1 must be at least 0 and below 1",
        ),
        (
            {"label_smoothing": 1.0},
            "LabelSmoothedCrossEntropyConfig.label_smoothing=1.0 must be at least 0 and below 1",
        ),
        ({"ignore_prefix_size": -1}, "LabelSmoothedCrossEntropyConfig.ignore_prefix_size=-1 must be at least 0"),
    ],
)
def test_ranges(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        replace(LabelSmoothedCrossEntropyConfig(), **values)  # type: ignore[arg-type]  # one of several types
    assert str(error.value) == message
