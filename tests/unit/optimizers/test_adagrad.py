import numpy as np
import torch

from seqtrain.optimizers.adagrad import AdagradConfig
from tests.unit.optimizers.reference import assert_equal, by_torch, trained


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
