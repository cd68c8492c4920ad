"""The average against numbers that were worked out by hand."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Model
from seqtrain.config import EmaConfig
from seqtrain.training.hooks.ema import ExponentialMovingAverage
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Trainer

RESULT = UpdateResult(1, 1, 1, torch.tensor(1.0), {})


class Network(nn.Module):
    """Two names for one parameter, one that is not trained, and a buffer."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0]))
        self.tied = self.weight
        self.frozen = nn.Parameter(torch.tensor([5.0]), requires_grad=False)
        self.register_buffer("count", torch.tensor([9.0]))


def follow(cfg: EmaConfig, trainer: Trainer, values: list[float | None]) -> tuple[Network, ExponentialMovingAverage]:
    """Let the parameter take these values, one an update; None is an update that was not applied."""
    network = Network()
    average = ExponentialMovingAverage(cfg, cast(Model, network))
    for value in values:
        if value is not None:
            network.weight.data.fill_(value)
            trainer.state.num_updates += 1
        average.on_update(trainer, None if value is None else RESULT)
    return network, average


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"decay": 0.5}, 0.5 * (0.5 * (0.5 * 0 + 0.5 * 1) + 0.5 * 2) + 0.5 * 4),
        ({"decay": 0.75}, 0.75 * (0.75 * (0.25 * 1) + 0.25 * 2) + 0.25 * 4),
        ({"decay": 0.5, "start_update": 3}, 0.5 * 2 + 0.5 * 4),
        ({"decay": 0.5, "start_update": 9}, 4),
        ({"decay": 0.5, "update_freq": 2}, 0.5 * 0 + 0.5 * 2),
        ({"decay": 0.0}, 4),
    ],
)
def test_the_average(options: dict[str, Any], expected: float, trainer: Trainer) -> None:
    network, average = follow(EmaConfig(**options), trainer, [1, 2, None, 4])
    assert set(average.other) == {"weight"}
    with average.applied():
        assert network.weight.item() == network.tied.item() == pytest.approx(expected)
        assert average.other["weight"].item() == 4
        assert (network.frozen.item(), network.count.item()) == (5, 9)
    assert network.weight.item() == 4
    assert average.other["weight"].item() == pytest.approx(expected)


def test_the_parameters_come_back_after_an_error(trainer: Trainer) -> None:
    network, average = follow(EmaConfig(decay=0.5), trainer, [1])
    with pytest.raises(RuntimeError), average.applied():
        raise RuntimeError
    assert network.weight.item() == 1


def test_it_begins_again_with_what_the_model_holds(trainer: Trainer) -> None:
    network, average = follow(EmaConfig(decay=0.5), trainer, [1])
    network.weight.data.fill_(7)
    average.begin()
    assert average.other["weight"].item() == 7
