import numpy as np
import torch

from seqtrain.optimizers.adadelta import AdadeltaConfig
from tests.unit.optimizers.reference import assert_equal, by_torch, trained


def test_it_is_torchs() -> None:
    cfg = AdadeltaConfig(lr=0.7, rho=0.8, eps=1e-4, weight_decay=0.1, decay_biases_and_norms=True)
    expected = by_torch(0.7, lambda p: torch.optim.Adadelta(p, rho=0.8, eps=1e-4, weight_decay=0.1))
    assert_equal(trained(cfg), expected)


def test_decay_spares_vectors() -> None:
    decayed, spared = trained(AdadeltaConfig(weight_decay=0.5)), trained(AdadeltaConfig())
    assert np.array_equal(decayed["layers.0.bias"], spared["layers.0.bias"])
    assert (decayed["layers.0.weight"] != spared["layers.0.weight"]).any()
