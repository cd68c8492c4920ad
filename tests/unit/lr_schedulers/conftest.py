import pytest
import torch
from torch import nn

from seqtrain.optimizers.sgd import SGD, SGDConfig


@pytest.fixture
def optimizer() -> SGD:
    """Any optimizer with a rate of 2."""
    return SGD(SGDConfig(lr=2.0), [("weight", nn.Parameter(torch.zeros(1)))])
