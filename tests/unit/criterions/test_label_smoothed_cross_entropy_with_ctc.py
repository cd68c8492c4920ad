from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Batch, FeatureModel, TaskInfo
from seqtrain.criterions.ctc import CTC, CTCConfig
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.criterions.label_smoothed_cross_entropy_with_ctc import (
    LabelSmoothedCrossEntropyWithCTC,
    LabelSmoothedCrossEntropyWithCTCConfig,
)
from seqtrain.errors import ConfigError
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.testing.inputs import random_batch
from seqtrain.testing.toy import toy_task
from tests.unit.criterions.conftest import Features, Table
from tests.unit.criterions.formulas import Array, assert_gradient, ctc_of, label_smoothed, random_array
from tests.unit.criterions.test_ctc import SIXTEENTHS, Labels


class Both(Features):
    """Predicts the source's positions too."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(task)
        self.of_source = nn.Parameter(torch.tensor(SIXTEENTHS).log())

    def extract_with_ctc(self, **_: Tensor) -> tuple[Tensor, Tensor] | None:
        return self.logits, self.of_source


@pytest.fixture
def sourced(batch: Batch) -> Batch:
    source = {"source_tokens": torch.zeros(2, 2, dtype=torch.int64), "source_lengths": torch.tensor([2, 1])}
    return replace(batch, net_input=batch.net_input | source, target=torch.tensor([[4, 5, 2], [4, 1, 1]]))


def test_it_is_added_to_the_cross_entropy(sourced: Batch, task: TaskInfo) -> None:
    cfg = LabelSmoothedCrossEntropyWithCTCConfig(label_smoothing=0.2, ctc_weight=0.3)
    model = Both(task)
    output = LabelSmoothedCrossEntropyWithCTC(cfg, task)(model, sourced)
    plain = LabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyConfig(label_smoothing=0.2), task)(Table(task), sourced)
    labels = Labels(task)
    ctc = CTC(CTCConfig(), task)(labels, sourced).loss
    assert output.loss.item() == pytest.approx(plain.loss.item() + 0.3 * ctc.item(), rel=1e-6)
    assert float(output.metrics["ctc_loss"].value) == pytest.approx(ctc.item(), rel=1e-6)
    assert float(output.metrics["nll_loss"].value) == float(plain.metrics["nll_loss"].value)
    (found,), (expected,) = (
        torch.autograd.grad(output.loss, [model.of_source]),
        torch.autograd.grad(ctc, [labels.logits]),
    )
    torch.testing.assert_close(found, 0.3 * expected)


@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_it_is_the_formula(eps: float, sourced: Batch, task: TaskInfo) -> None:
    """Of two symbols for each source position, all four of the first sentence and two of the second."""
    cfg = LabelSmoothedCrossEntropyWithCTCConfig(label_smoothing=eps, sentence_avg=True, ctc_weight=0.3)
    model, logits, of_source = Both(task), random_array(2, 3, 6), random_array(2, 4, 6, seed=2)
    model.load_state_dict({"logits": torch.tensor(logits), "of_source": torch.tensor(of_source)})
    output = LabelSmoothedCrossEntropyWithCTC(cfg, task)(model, sourced)

    def loss(logits: Array, of_source: Array) -> float:
        aligned = ctc_of(of_source[0], [4, 5]) + ctc_of(of_source[1, :2], [4])
        return label_smoothed(logits, sourced.target.numpy(), eps) + 0.3 * aligned

    assert output.loss.item() == pytest.approx(loss(logits, of_source), rel=1e-5)
    assert output.sample_size == 2
    output.loss.backward()
    assert_gradient(model.logits, lambda x: loss(x, of_source), logits)
    assert_gradient(model.of_source, lambda x: loss(logits, x), of_source)


def test_what_does_not_fit_has_none(sourced: Batch, task: TaskInfo) -> None:
    too_long = replace(sourced, target=torch.tensor([[4, 4, 4], [5, 5, 5]]), ntokens=6)
    criterion = LabelSmoothedCrossEntropyWithCTC(LabelSmoothedCrossEntropyWithCTCConfig(), task)
    assert float(criterion(Both(task), too_long).metrics["ctc_loss"].value) == 0.0


@pytest.mark.parametrize("kind", [Table, Features])
def test_a_model_whose_encoder_predicts_nothing(kind: type[Table], sourced: Batch, task: TaskInfo) -> None:
    criterion = LabelSmoothedCrossEntropyWithCTC(LabelSmoothedCrossEntropyWithCTCConfig(), task)
    with pytest.raises(ConfigError, match=rf"{kind.__name__} does not: .* set model\.ctc_upsampling=2"):
        criterion(kind(task), sourced)


@pytest.mark.parametrize("upsampling", [0, 1, 3])
def test_the_transformers_encoder_predicts_when_asked(upsampling: int) -> None:
    task = toy_task()
    cfg = TransformerConfig(encoder_embed_dim=8, decoder_embed_dim=8, dropout=0.0, ctc_upsampling=upsampling)
    model = Transformer(cfg, task)
    batch = random_batch(model, task)
    given = model.extract_with_ctc(**batch.net_input)
    assert isinstance(model, FeatureModel)
    assert (given is None) == (upsampling == 0)
    assert any("ctc" in name for name, _ in model.named_parameters()) == (upsampling > 0)
    if given is not None:
        features, logits = given
        assert logits.shape == (3, 6 * upsampling, 16)
        torch.testing.assert_close(features, model.extract_features(**batch.net_input))
