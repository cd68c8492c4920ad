from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Batch, LossOutput
from seqtrain.config import CriterionConfig, ModelConfig, Precision, TrainingConfig
from seqtrain.criterions import Criterion
from seqtrain.models import Model
from seqtrain.testing.toy import toy_task
from seqtrain.training.loss_module import LossStep
from seqtrain.training.precision import LossScaler


class Dropping(Model):
    """A linear layer with much dropout."""

    def __init__(self) -> None:
        super().__init__(ModelConfig(), toy_task())
        torch.manual_seed(0)
        self.linear = nn.Linear(64, 64)
        self.dtypes: list[torch.dtype] = []

    def forward(self, *, x: Tensor, **_: Any) -> Tensor:
        output: Tensor = nn.functional.dropout(self.linear(x), 0.5, self.training)
        self.dtypes.append(output.dtype)
        return output


class Total(Criterion):
    """The sum of what the model gives."""

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        loss = model(**batch.net_input).float().sum()
        return LossOutput(loss, 1, {})


def make(**options: Any) -> tuple[Dropping, LossStep]:
    model = Dropping()
    return model, LossStep(model, Total(CriterionConfig(), toy_task()), TrainingConfig(**options))


def batch(seed: int) -> Batch:
    x = torch.linspace(-1, 1, 64)[None]
    return Batch(torch.tensor([0]), {"x": x}, torch.zeros(1, 1), ntokens=1, nsentences=1, seed=seed)


def losses(step: LossStep, model: Model, seeds: list[int]) -> list[float]:
    return [step(model, batch(seed)).loss.item() for seed in seeds]


def test_dropout_depends_on_the_batchs_seed_and_on_nothing_else() -> None:
    model, step = make()
    first, second, again = losses(step, model, [7, 8, 7])
    torch.rand(5)
    assert first == again == losses(step, model, [7])[0]
    assert first != second


def test_evaluation_drops_nothing_and_leaves_the_generator_alone() -> None:
    model, step = make()
    step.eval()
    state = torch.get_rng_state()
    first, second = losses(step, model, [7, 8])
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [(Precision.fp32, torch.float32), (Precision.bf16, torch.bfloat16), (Precision.fp16, torch.float16)],
)
def test_precision_is_that_of_the_forward_pass_alone(precision: Precision, dtype: torch.dtype) -> None:
    model, step = make(precision=precision)
    step(model, batch(1)).loss.backward()
    assert model.dtypes == [dtype]
    assert model.linear.weight.dtype == torch.float32
    assert model.linear.weight.grad is not None
    assert model.linear.weight.grad.dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")


def test_modes_reach_the_model() -> None:
    model, step = make()
    step.eval()
    assert not model.training
    step.train()
    assert model.training


def test_fp16_scales_gradients_that_would_be_nothing() -> None:
    """A gradient of 1e-9 is zero in fp16; times 2**16 it is not. The loss keeps its value."""
    model, _ = make()
    model.eval()
    cfg, scaler = TrainingConfig(precision=Precision.fp16), LossScaler(2.0**16, window=3)

    def gradient(scaled: LossScaler | None) -> Tensor:
        model.zero_grad()
        step = LossStep(model, Tiny(CriterionConfig(), toy_task()), cfg, scaled).eval()
        step(model, batch(1)).loss.backward()
        assert model.linear.weight.grad is not None
        return model.linear.weight.grad.clone()

    assert gradient(None).count_nonzero() == 0
    expected = 1e-9 * torch.linspace(-1, 1, 64).expand(64, 64)
    torch.testing.assert_close(gradient(scaler) / scaler.scale, expected, rtol=2e-2, atol=1e-11)


class Tiny(Criterion):
    """Hardly anything of what the model gives."""

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        return LossOutput((model(**batch.net_input).float() * 1e-9).sum(), 1, {})
