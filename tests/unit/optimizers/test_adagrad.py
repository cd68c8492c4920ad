import numpy as np
import pytest
import torch

from seqtrain.errors import CheckpointError
from seqtrain.optimizers.adagrad import Adagrad, AdagradConfig
from tests.unit.optimizers.reference import assert_equal, by_torch, parameters, trained


def test_it_is_torchs() -> None:
    expected = by_torch(
        0.1, lambda p: torch.optim.Adagrad(p, eps=1e-3, initial_accumulator_value=0.5, weight_decay=0.1, fused=False)
    )
    cfg = AdagradConfig(lr=0.1, eps=1e-3, initial_accumulator_value=0.5, weight_decay=0.1, decay_biases_and_norms=True)
    assert_equal(trained(cfg), expected)


def test_decay_spares_vectors() -> None:
    decayed, spared = trained(AdagradConfig(weight_decay=0.5)), trained(AdagradConfig())
    assert np.array_equal(decayed["layers.0.bias"], spared["layers.0.bias"])
    assert (decayed["layers.0.weight"] != spared["layers.0.weight"]).all()


def test_its_state_is_there_from_the_start() -> None:
    optimizer = Adagrad(AdagradConfig(), parameters().items())
    state = optimizer.state_dict()
    assert sorted(state) == [f"layers.0.{name}.{key}" for name in ("bias", "weight") for key in ("step", "sum")]
    optimizer.load_state_dict(state)
    with pytest.raises(CheckpointError, match=r"layers\.0\.bias\.step is missing; layers\.0\.bias\.sum is missing"):
        optimizer.load_state_dict({})
