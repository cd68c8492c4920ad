import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Batch, Model, ModelOutput, TaskInfo
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.criterions.label_smoothed_cross_entropy_with_alignment import (
    LabelSmoothedCrossEntropyWithAlignment,
    LabelSmoothedCrossEntropyWithAlignmentConfig,
    alignment_loss,
)
from seqtrain.errors import ConfigError, PluginError
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.testing.compiling import compare_compiled
from seqtrain.testing.inputs import random_batch
from seqtrain.testing.toy import toy_task
from tests.unit.criterions.conftest import Features, Linear, Table
from tests.unit.criterions.formulas import (
    Array,
    alignment_of,
    assert_gradient,
    label_smoothed,
    log_softmax,
    random_array,
)

EIGHTHS = torch.tensor([[[4.0, 2, 2], [1, 1, 6], [2, 4, 2]], [[8, 0, 0], [4, 4, 0], [2, 2, 4]]])
"""Attention of three target tokens to three of the source."""
LINKS = torch.tensor([[[0, 0], [2, 1], [0, 1]], [[1, 0], [-1, -1], [-1, -1]]])
"""Token 0 belongs to 0, and 1 to 0 and 2; in the second sentence 0 to 1, to which it does not attend at all."""


class AttendingTable(Table):
    """Gives the attention that it holds."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(task)
        self.attention = nn.Parameter(EIGHTHS / 8)

    def forward(self, **_: Tensor) -> ModelOutput:
        return ModelOutput(self.logits, {"attention": self.attention})


class AttendingFeatures(AttendingTable, Features):
    """Gives it beside its features."""

    def extract_with_attention(self, **_: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits, self.attention


class AttendingLinear(AttendingFeatures, Linear):
    """Says that its projection is linear."""


def test_by_hand() -> None:
    loss, aligned = alignment_loss(EIGHTHS[:1] / 8, LINKS[:1])
    # 4/8; the mean of 1/8 and 6/8
    assert loss.item() == pytest.approx(math.log(2) + (math.log(8) + math.log(8 / 6)) / 2)
    assert aligned.item() == 2


def test_attention_that_has_run_out_stays_finite() -> None:
    loss, aligned = alignment_loss(EIGHTHS[1:] / 8, LINKS[1:])
    assert loss.item() == pytest.approx(-math.log(torch.finfo(torch.float32).tiny))
    assert aligned.item() == 1


def test_no_links() -> None:
    assert [x.item() for x in alignment_loss(EIGHTHS, LINKS.new_empty(2, 0, 2))] == [0.0, 0.0]


@pytest.mark.parametrize("format", [torch.bfloat16, torch.float16])
def test_attention_of_half_precision_is_summed_in_fp32(format: torch.dtype) -> None:
    alignments = torch.arange(2051)[:, None].expand(-1, 2)[None]  # more than either format can count
    attention = torch.eye(2051, dtype=format)[None] / 4
    loss, aligned = alignment_loss(attention, alignments)
    assert [loss.item(), aligned.item()] == pytest.approx([2051 * math.log(4), 2051])


@pytest.mark.parametrize("eps", [0.0, 0.3])
@pytest.mark.parametrize("kind", [AttendingTable, AttendingFeatures, AttendingLinear])
def test_it_is_the_formula(kind: type[AttendingTable], eps: float, batch: Batch, task: TaskInfo) -> None:
    cfg = LabelSmoothedCrossEntropyWithAlignmentConfig(
        sentence_avg=True, label_smoothing=eps, ignore_prefix_size=1, alignment_lambda=0.7
    )
    model, logits, scores = kind(task), random_array(2, 3, 6), random_array(2, 3, 3, seed=2)
    attention = np.exp(log_softmax(scores))
    model.load_state_dict({"logits": torch.tensor(logits), "attention": torch.tensor(attention)})
    output = LabelSmoothedCrossEntropyWithAlignment(cfg, task)(model, replace(batch, alignments=LINKS))

    def loss(logits: Array, attention: Array) -> float:
        smoothed = label_smoothed(logits, batch.target.numpy(), eps, prefix=1)
        return smoothed + 0.7 * alignment_of(attention, LINKS.tolist())

    assert output.loss.item() == pytest.approx(loss(logits, attention), rel=1e-5)
    assert output.sample_size == 2
    output.loss.backward()
    assert_gradient(model.logits, lambda x: loss(x, attention), logits)
    assert_gradient(model.attention, lambda x: loss(logits, x), attention)


@pytest.mark.parametrize("kind", [AttendingTable, AttendingFeatures, AttendingLinear])
def test_it_is_added_to_the_cross_entropy(kind: type[AttendingTable], batch: Batch, task: TaskInfo) -> None:
    cfg = LabelSmoothedCrossEntropyWithAlignmentConfig(label_smoothing=0.2, alignment_lambda=0.5)
    model, links = kind(task), LINKS.clone()
    links[1] = -1
    output = LabelSmoothedCrossEntropyWithAlignment(cfg, task)(model, replace(batch, alignments=links))
    plain = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(label_smoothing=0.2), task)(Table(task), batch)
    misaligned = math.log(2) + (math.log(8) + math.log(8 / 6)) / 2
    assert output.loss.item() == pytest.approx(plain.loss.item() + 0.5 * misaligned, rel=1e-6)
    value, weight = output.metrics["alignment_loss"]
    assert [float(value), float(weight)] == pytest.approx([misaligned, 2.0])
    assert float(output.metrics["nll_loss"].value) == pytest.approx(8 * math.log(2))
    assert output.sample_size == 4
    output.loss.backward()
    expected = torch.zeros(2, 3, 3)
    # - 0.5 / A for one link, - 0.25 / A for each of two
    expected[0, 0, 0], expected[0, 1, 0], expected[0, 1, 2] = -0.5 * 2, -0.25 * 8, -0.25 * 8 / 6
    torch.testing.assert_close(model.attention.grad, expected)


def test_training_wants_alignments_and_evaluation_does_without(model: Model, batch: Batch, task: TaskInfo) -> None:
    criterion = LabelSmoothedCrossEntropyWithAlignment(LabelSmoothedCrossEntropyWithAlignmentConfig(), task)
    with pytest.raises(ConfigError, match=r"set task\.load_alignments=true, or choose"):
        criterion(model, batch)
    assert list(criterion.eval()(model, batch).metrics) == ["loss", "nll_loss"]


@pytest.mark.parametrize("kind", [Table, Features])
def test_a_model_that_does_not_tell(kind: type[Table], batch: Batch, task: TaskInfo) -> None:
    criterion = LabelSmoothedCrossEntropyWithAlignment(LabelSmoothedCrossEntropyWithAlignmentConfig(), task)
    with pytest.raises(PluginError, match=rf"{kind.__name__} does not give its attention .* such as transformer"):
        criterion(kind(task), replace(batch, alignments=LINKS))


def test_the_transformer_compiles_with_it() -> None:
    task = toy_task()
    cfg = TransformerConfig(encoder_embed_dim=8, encoder_layers=1, decoder_embed_dim=8, decoder_layers=1, dropout=0.0)
    model = Transformer(cfg, task)
    batch = replace(random_batch(model, task), alignments=torch.tensor([[[0, 0], [1, 2]]] * 3))
    criterion = LabelSmoothedCrossEntropyWithAlignment(LabelSmoothedCrossEntropyWithAlignmentConfig(), task)
    compare_compiled(model, criterion, batch)
