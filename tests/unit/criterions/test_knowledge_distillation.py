import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from seqtrain.base import Batch, FeatureModel, LossOutput, Model, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.criterions.knowledge_distillation import KnowledgeDistillation, KnowledgeDistillationConfig
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.errors import PluginError
from tests.unit.criterions.conftest import Features, Linear, Table
from tests.unit.criterions.formulas import Array, assert_gradient, kl, label_smoothed, log_softmax, random_array

TAUGHT = [
    [[4, 8, 1, 1, 1, 1], [1, 1, 1, 4, 1, 8], [4, 2, 2, 2, 2, 4]],
    [[1, 1, 2, 1, 10, 1], [1, 1, 1, 1, 3, 9], [9, 1, 1, 1, 1, 3]],
]
"""What the teacher predicts, in sixteenths; some of it for padding."""


class Teacher(FeatureModel):
    """Has half the logits as features, and is never shown more than a chunk of them."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.logits = nn.Parameter(torch.tensor(TAUGHT).log())
        self.dropout = nn.Dropout(0.5)

    def extract_features(self, **_: Tensor) -> Tensor:
        features: Tensor = self.dropout(self.logits / 2)
        return features

    def project(self, features: Tensor) -> Tensor:
        assert len(features) <= 3
        return features * 2


def built(task: TaskInfo, **values: Any) -> KnowledgeDistillation:
    criterion = KnowledgeDistillation(KnowledgeDistillationConfig(teacher="", **values), task)
    criterion.options = criterion.options._replace(chunk_rows=3)
    criterion.learn_from(Teacher(task))
    return criterion


def run(task: TaskInfo, model: Model, batch: Batch, **values: Any) -> LossOutput:
    output: LossOutput = built(task, **values).train()(model, batch)
    return output


@pytest.mark.parametrize("kind", [Table, Features])
def test_by_hand(kind: type[Table], batch: Batch, task: TaskInfo) -> None:
    output = run(task, kind(task), batch, label_smoothing=0.0, distillation_alpha=0.25)
    nll = 8 * math.log(2)
    # p log(p / q) in sixteenths: 4 and 8 for 8 and 4; 4 and 8 for 2 and 10; the same; 2 and 10 for 8 and 4
    divergence = (
        (4 * math.log(1 / 2) + 8 * math.log(2))
        + (4 * math.log(2) + 8 * math.log(8 / 10))
        + (2 * math.log(2 / 8) + 10 * math.log(10 / 4))
    ) / 16
    loss = 0.75 * nll + 0.25 * divergence
    values = {name: float(value) for name, (value, _) in output.metrics.items()}
    assert values == pytest.approx({"loss": loss, "nll_loss": nll, "distillation_loss": divergence}, rel=1e-5)
    assert {weight for _, weight in output.metrics.values()} == {4}
    assert output.loss.item() == pytest.approx(loss, rel=1e-5)
    assert output.sample_size == 4


@pytest.mark.parametrize("kind", [Table, Features])
def test_it_is_the_formula(kind: type[Table], batch: Batch, task: TaskInfo) -> None:
    model, logits = kind(task), random_array(2, 3, 6)
    model.load_state_dict({"logits": torch.tensor(logits)})
    values = {"label_smoothing": 0.3, "ignore_prefix_size": 1, "distillation_alpha": 0.4, "temperature": 2.0}
    output = run(task, model, batch, **values)

    def loss(logits: Array) -> float:
        soft_taught, soft = log_softmax(np.log(TAUGHT) / 2), log_softmax(logits / 2)
        divergence = sum(kl(soft_taught[0, position], soft[0, position]) for position in (1, 2))
        return 0.6 * label_smoothed(logits, batch.target.numpy(), 0.3, prefix=1) + 0.4 * 2.0**2 * divergence

    assert output.loss.item() == pytest.approx(loss(logits), rel=1e-5)
    output.loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert_gradient(model.logits, loss, logits)


@pytest.mark.parametrize("kind", [Table, Features])
def test_the_gradient_is_that_of_the_formula(kind: type[Table], batch: Batch, task: TaskInfo) -> None:
    model, plain = kind(task), Table(task)
    loss = run(task, model, batch, distillation_alpha=0.4, temperature=2.0, label_smoothing=0.1, z_loss=0.05).loss
    smoothed = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(label_smoothing=0.1, z_loss=0.05), task)
    counted = batch.target != 1
    soft, soft_taught = (
        functional.log_softmax(x[counted] / 2, dim=-1) for x in (plain.logits, torch.tensor(TAUGHT).log())
    )
    divergence = functional.kl_div(soft, soft_taught, log_target=True, reduction="sum")
    expected = 0.6 * smoothed(plain, batch).loss + 0.4 * 4 * divergence
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    (found,), (wanted,) = torch.autograd.grad(loss, [model.logits]), torch.autograd.grad(expected, [plain.logits])
    torch.testing.assert_close(found, wanted)


def test_alone_it_is_the_divergence(batch: Batch, task: TaskInfo) -> None:
    model = Table(task)
    with torch.no_grad():
        model.logits.copy_(torch.tensor(TAUGHT).log() + 3)
    output = run(task, model, batch, distillation_alpha=1.0)
    assert output.loss.item() == pytest.approx(0.0, abs=1e-6)
    assert float(output.metrics["nll_loss"].value) == pytest.approx(10 * math.log(2), rel=1e-6)


def test_evaluation_needs_no_teacher(model: Model, batch: Batch, task: TaskInfo) -> None:
    cfg = KnowledgeDistillationConfig(teacher="nowhere")
    found = KnowledgeDistillation(cfg, task).eval()(model, batch)
    expected = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(), task)(model, batch)
    assert found.loss.item() == expected.loss.item()
    assert list(found.metrics) == ["loss", "nll_loss"]


def test_training_does(batch: Batch, task: TaskInfo) -> None:
    with pytest.raises(PluginError, match=r"no teacher yet: call prepare\(\)"):
        KnowledgeDistillation(KnowledgeDistillationConfig(teacher="nowhere"), task)(Linear(task), batch)


def test_the_teacher_stays_as_it_is(batch: Batch, task: TaskInfo) -> None:
    criterion, model = built(task), Table(task)
    criterion.eval()
    criterion.train()
    assert criterion.teacher is not None and not any(module.training for module in criterion.teacher.modules())
    criterion(model, batch).loss.backward()
    assert model.logits.grad is not None
    assert all(p.grad is None and not p.requires_grad for p in criterion.teacher.parameters())
