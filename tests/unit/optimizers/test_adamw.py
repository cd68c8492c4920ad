import torch

from seqtrain.optimizers.adam import AdamConfig
from seqtrain.optimizers.adamw import AdamWConfig
from tests.unit.optimizers.reference import assert_equal, by_torch, trained


def test_it_is_torchs() -> None:
    cfg = AdamWConfig(lr=0.05, betas=[0.8, 0.9], eps=1e-3, weight_decay=0.1, decay_biases_and_norms=True)
    expected = by_torch(0.05, lambda p: torch.optim.AdamW(p, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1))
    assert_equal(trained(cfg), expected)


def test_decay_spares_vectors() -> None:
    decayed, spared = trained(AdamWConfig(weight_decay=0.5)), trained(AdamWConfig(weight_decay=0.0))
    assert (decayed["layers.0.bias"] == spared["layers.0.bias"]).all()
    assert (decayed["layers.0.weight"] != spared["layers.0.weight"]).all()


def test_adam_decays_all() -> None:
    decayed, spared = trained(AdamConfig(weight_decay=0.5)), trained(AdamConfig(weight_decay=0.0))
    assert all((decayed[name] != spared[name]).all() for name in decayed)


def test_there_is_a_decay_by_default() -> None:
    assert AdamWConfig().weight_decay == 0.01
