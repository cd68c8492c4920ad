import torch
from torch import nn

from seqtrain.nn.inspection import inputs_of


def test_only_calls_meanwhile_are_noted() -> None:
    layer = nn.Identity()
    layer(torch.tensor(1))
    with inputs_of(layer) as inputs:
        layer(torch.tensor(2))
    layer(torch.tensor(3))
    assert inputs == [(torch.tensor(2),)]
