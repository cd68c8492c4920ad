import torch
from torch import nn

from seqtrain.nn.device import device_of


def test_where_the_parameters_are_and_the_cpu_without_any() -> None:
    assert device_of(nn.Sequential(nn.ReLU(), nn.Linear(1, 1, device="meta"))) == torch.device("meta")
    assert device_of(nn.ReLU()) == torch.device("cpu")
