import math

import pytest
import torch

from seqtrain.config import Device, Precision, TrainingConfig
from seqtrain.errors import ConfigError
from seqtrain.training.precision import LossScaler, loss_scaler

GOOD, OVERFLOW = 1.0, math.inf


def test_the_scale_halves_at_an_overflow_and_doubles_after_a_window_without() -> None:
    """The trace that fairseq's scaler gives for these norms, init 16 and window 3."""
    scaler = LossScaler(16.0, window=3)
    trace = []
    for norm in (1, 1, 1, 1, OVERFLOW, 1, 1, 1, 1, 1, math.nan, 1, 1, 1):
        lost = scaler.overflowed(norm)
        trace.append("lost" if lost else scaler.scale)
    assert trace == [16, 16, 32, 32, "lost", 16, 16, 32, 32, 32, "lost", 16, 16, 32]


def test_at_the_least_scale_it_is_no_overflow_any_more() -> None:
    scaler = LossScaler(1.0, window=3, least=0.5)
    assert [scaler.overflowed(norm) for norm in (OVERFLOW, OVERFLOW)] == [True, False]
    assert scaler.scale == 0.5


def test_the_loss_keeps_its_value_and_its_gradients_are_scaled() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    loss = x * 2
    LossScaler(8.0, window=3).attach(loss)
    torch.autograd.backward(loss)
    assert loss.item() == 6.0
    assert x.grad == 16.0


def test_a_loss_without_a_gradient_is_left_alone() -> None:
    LossScaler(8.0, window=3).attach(torch.tensor(1.0))


def test_its_state_goes_on_where_it_was() -> None:
    scaler, other = LossScaler(16.0, window=3), LossScaler(1.0, window=3)
    for norm in (OVERFLOW, GOOD, GOOD):
        scaler.overflowed(norm)
    other.load_state_dict(scaler.state_dict())
    assert not other.overflowed(GOOD)
    assert other.scale == 16.0


@pytest.mark.parametrize(("asked", "window"), [(0, 4096), (7, 7)])
def test_what_a_config_asks_for(asked: int, window: int) -> None:
    cfg = TrainingConfig(
        precision=Precision.fp16, fp16_init_scale=4, update_freq=4, min_loss_scale=2, fp16_scale_window=asked
    )
    scaler = loss_scaler(cfg, torch.device("cuda"))
    assert scaler is not None
    assert (scaler.scale, scaler.window, scaler.least) == (4, window, 2)


@pytest.mark.parametrize("precision", [Precision.fp32, Precision.bf16])
def test_others_need_no_scaling(precision: Precision) -> None:
    assert loss_scaler(TrainingConfig(precision=precision), torch.device("cpu")) is None


def test_fp16_on_a_cpu_is_refused_where_that_is_known() -> None:
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        TrainingConfig(precision=Precision.fp16, device=Device.cpu)
    with pytest.raises(ConfigError, match="fp16 needs a GPU, and torch finds none"):
        loss_scaler(TrainingConfig(precision=Precision.fp16), torch.device("cpu"))
