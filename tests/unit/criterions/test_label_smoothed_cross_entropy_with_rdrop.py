import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seqtrain.base import Batch, FeatureModel, LossOutput, Model, TaskInfo
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.criterions.label_smoothed_cross_entropy_with_rdrop import (
    LabelSmoothedCrossEntropyWithRDrop,
    LabelSmoothedCrossEntropyWithRDropConfig,
)
from tests.unit.criterions.conftest import Table
from tests.unit.criterions.formulas import Array, assert_gradient, kl, label_smoothed, log_softmax, random_array

OTHER = [
    [[4, 8, 1, 1, 1, 1], [1, 1, 1, 4, 1, 8], [4, 2, 2, 2, 2, 4]],
    [[1, 1, 2, 1, 10, 1], [1, 1, 1, 1, 3, 9], [9, 1, 1, 1, 1, 3]],
]
"""What the second pass predicts, in sixteenths."""


class TwoTables(Table):
    """Gives other logits in each second pass, as dropout would."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(task)
        self.passes = 0
        self.other = torch.nn.Parameter(torch.tensor(OTHER).log())

    def forward(self, **_: Tensor) -> Tensor:
        self.passes += 1
        return self.logits if self.passes % 2 else self.other


class TwoFeatures(TwoTables, FeatureModel):
    """Has half the logits as features."""

    def extract_features(self, **net_input: Tensor) -> Tensor:
        return TwoTables.forward(self, **net_input) / 2

    def project(self, features: Tensor) -> Tensor:
        assert len(features) <= 3, "more than a chunk"
        return features * 2


def run(task: TaskInfo, model: Model, batch: Batch, *, train: bool = True, **values: Any) -> LossOutput:
    criterion = LabelSmoothedCrossEntropyWithRDrop(LabelSmoothedCrossEntropyWithRDropConfig(**values), task)
    criterion.options = criterion.options._replace(chunk_rows=3)
    output: LossOutput = criterion.train(train)(model, batch)
    return output


@pytest.mark.parametrize("kind", [TwoTables, TwoFeatures])
def test_by_hand(kind: type[TwoTables], batch: Batch, task: TaskInfo) -> None:
    output = run(task, kind(task), batch, label_smoothing=0.0, rdrop_alpha=5.0, report_accuracy=True)
    nll = (8 + 10) / 2 * math.log(2)  # 8/16, 2/16, 2/16, 8/16: 1 + 3 + 3 + 1; 4/16, 4/16, 2/16, 2/16: 2 + 2 + 3 + 3
    # sum of (p - q) (log p - log q) / 2, in sixteenths: 8 and 4 swapped; 2 and 4, 10 and 8; the same; 8 and 2, 4 and 10
    divergence = (
        4 * math.log(2) * 2 + 2 * math.log(2) + 2 * math.log(10 / 8) + 6 * math.log(4) + 6 * math.log(2.5)
    ) / 32
    values = {name: float(value) for name, (value, _) in output.metrics.items()}
    loss = nll + 2.5 * divergence
    assert values == pytest.approx(
        {"loss": loss, "nll_loss": nll, "accuracy": 1.0, "rdrop_kl_loss": divergence}, rel=1e-5
    )
    assert output.loss.item() == pytest.approx(loss, rel=1e-5)
    assert output.sample_size == 4
    assert {weight for _, weight in output.metrics.values()} == {4}


@pytest.mark.parametrize("kind", [TwoTables, TwoFeatures])
def test_it_is_the_formula(kind: type[TwoTables], batch: Batch, task: TaskInfo) -> None:
    model, logits, other = kind(task), random_array(2, 3, 6), random_array(2, 3, 6, seed=2)
    model.load_state_dict({"logits": torch.tensor(logits), "other": torch.tensor(other)})
    output = run(task, model, batch, label_smoothing=0.3, ignore_prefix_size=1, rdrop_alpha=3.0)

    def loss(logits: Array, other: Array) -> float:
        likelihoods = (label_smoothed(x, batch.target.numpy(), 0.3, prefix=1) for x in (logits, other))
        pairs = [(log_softmax(logits)[0, position], log_softmax(other)[0, position]) for position in (1, 2)]
        return (sum(likelihoods) + 3.0 * sum(kl(p, q) + kl(q, p) for p, q in pairs) / 2) / 2

    assert output.loss.item() == pytest.approx(loss(logits, other), rel=1e-5)
    output.loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert_gradient(model.logits, lambda x: loss(x, other), logits)
    assert_gradient(model.other, lambda x: loss(logits, x), other)


@pytest.mark.parametrize("kind", [TwoTables, TwoFeatures])
def test_it_is_half_of_the_papers_loss_and_so_is_its_gradient(
    kind: type[TwoTables], batch: Batch, task: TaskInfo
) -> None:
    model, plain = kind(task), TwoTables(task)
    loss = run(task, model, batch, label_smoothing=0.1, rdrop_alpha=3.0, z_loss=0.05).loss
    smoothed = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(label_smoothing=0.1, z_loss=0.05), task)
    likelihoods = smoothed(plain, batch).loss + smoothed(plain, batch).loss
    p, q = (functional.log_softmax(x, dim=-1)[batch.target != 1] for x in (plain.logits, plain.other))
    divergences = [functional.kl_div(b, a, log_target=True, reduction="sum") for a, b in ((p, q), (q, p))]
    expected = (likelihoods + 3.0 * sum(divergences) / 2) / 2
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for found, wanted in zip(
        torch.autograd.grad(loss, [model.logits, model.other]),
        torch.autograd.grad(expected, [plain.logits, plain.other]),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted)


def test_what_does_not_count_does_not_diverge(batch: Batch, task: TaskInfo) -> None:
    output = run(task, TwoTables(task), batch, rdrop_alpha=1.0, ignore_prefix_size=2)
    assert float(output.metrics["rdrop_kl_loss"].value) == 0.0  # the passes agree on the third token
    assert output.sample_size == 1


@pytest.mark.parametrize(("train", "alpha", "passes"), [(True, 1.0, 2), (True, 0.0, 1), (False, 1.0, 1)])
def test_one_pass_is_enough_where_there_is_no_divergence(
    train: bool, alpha: float, passes: int, batch: Batch, task: TaskInfo
) -> None:
    model = TwoTables(task)
    output = run(task, model, batch, train=train, rdrop_alpha=alpha)
    assert model.passes == passes
    assert ("rdrop_kl_loss" in output.metrics) == (passes == 2)


def test_it_is_off_by_default(model: Model, batch: Batch, task: TaskInfo) -> None:
    expected = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(), task)(model, batch)
    assert run(task, model, batch).loss.item() == pytest.approx(expected.loss.item(), rel=1e-6)
