import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import Batch, Model, TaskInfo, logits_of
from seqtrain.criterions.adaptive_loss import AdaptiveLoss, AdaptiveLossConfig
from seqtrain.criterions.cross_entropy import CrossEntropy, CrossEntropyConfig
from seqtrain.errors import ConfigError
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.nn.ensemble import Ensemble
from seqtrain.testing.inputs import random_batch as batch_for
from seqtrain.testing.judged import AdaptiveModel, batch_of, random_batch
from seqtrain.testing.toy import toy_task

TASK = toy_task(joint=True)
"""26 symbols."""
SMALL: dict[str, Any] = {
    "decoder_embed_dim": 16,
    "decoder_ffn_embed_dim": 24,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "adaptive_softmax_cutoff": [8, 16],
    "dropout": 0.0,
}
TIED = {"adaptive_input_cutoff": [8, 16], "tie_adaptive_weights": True, "tie_adaptive_proj": True}


def loss_and_gradients(criterion: AdaptiveLoss | CrossEntropy, model: Model, batch: Batch) -> dict[str, Tensor]:
    model.zero_grad()
    output = criterion(model, batch)
    output.loss.backward()
    gradients = {name: x.grad.clone() for name, x in model.named_parameters() if x.grad is not None}
    assert gradients.keys() == dict(model.named_parameters()).keys()
    return {
        "the loss": output.loss.detach(),
        "nll_loss": torch.as_tensor(output.metrics["nll_loss"].value),
        **gradients,
    }


def lm(**values: Any) -> TransformerLM:
    torch.manual_seed(1)
    return TransformerLM(TransformerLMConfig(**SMALL | values), TASK)


@pytest.mark.parametrize("values", [{}, TIED, {"adaptive_softmax_factor": 1.5}])
def test_it_is_cross_entropy(values: dict[str, Any]) -> None:
    model = lm(**values)
    batch = batch_for(model, TASK)
    found = loss_and_gradients(AdaptiveLoss(AdaptiveLossConfig(), TASK), model, batch)
    expected = loss_and_gradients(CrossEntropy(CrossEntropyConfig(), TASK), model, batch)
    for name, x in expected.items():
        torch.testing.assert_close(found[name], x, atol=1e-5, rtol=1e-4)


def test_by_hand() -> None:
    model = AdaptiveModel(TASK)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    # Bands of 13, 6 and 7 symbols: 15 classes at first, all as likely.
    output = AdaptiveLoss(AdaptiveLossConfig(), TASK)(model, batch_of(torch.tensor([[12, 13, 2], [25, 1, 1]]), TASK))
    assert output.loss.item() == pytest.approx(4 * math.log(15) + math.log(6) + math.log(7), rel=1e-6)
    assert output.sample_size == 4
    assert sorted(output.metrics) == ["loss", "nll_loss"]


def test_an_ensemble_is_judged_by_the_mean_of_its_probabilities() -> None:
    models = [lm().eval(), lm(decoder_layers=2).eval()]
    batch, criterion = batch_for(models[0], TASK), AdaptiveLoss(AdaptiveLossConfig(), TASK)
    counted = batch.target.ne(1)
    with torch.no_grad():
        probabilities = [logits_of(model(**batch.net_input)).softmax(-1) for model in models]
        mean = (probabilities[0] + probabilities[1])[counted] / 2
        expected = -mean[torch.arange(len(mean)), batch.target[counted]].log().sum().item()
        assert criterion(Ensemble(models), batch).loss.item() == pytest.approx(expected, rel=1e-5)


def test_no_probabilities_of_all_symbols_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = AdaptiveModel(TASK)
    monkeypatch.setattr(model.softmax, "forward", None)
    assert AdaptiveLoss(AdaptiveLossConfig(), TASK)(model, random_batch(TASK)).loss.isfinite()


def test_a_model_without_an_adaptive_softmax(model: Model, batch: Batch, task: TaskInfo) -> None:
    with pytest.raises(ConfigError, match=rf"and {type(model).__name__} has none: set model\.adaptive_softmax_cutoff="):
        AdaptiveLoss(AdaptiveLossConfig(), task)(model, batch)


def test_a_model_whose_adaptive_softmax_is_off() -> None:
    model = lm(adaptive_softmax_cutoff=[])
    with pytest.raises(ConfigError, match=r"model=transformer_lm has none.*or criterion=cross_entropy"):
        AdaptiveLoss(AdaptiveLossConfig(), TASK)(model, batch_for(model, TASK))


def test_a_subclass_with_another_projection_is_not_taken_for_its_base() -> None:
    class Halved(AdaptiveModel):
        def project(self, features: Tensor) -> Tensor:
            return super().project(features / 2)

    with pytest.raises(ConfigError, match="and Halved has none"):
        AdaptiveLoss(AdaptiveLossConfig(), TASK)(Halved(TASK), random_batch(TASK))
