import torch
from torch import nn

from seqtrain.nn.inspection import calls_of


def test_only_calls_meanwhile_are_noted() -> None:
    layer = nn.Identity()
    layer(torch.tensor(1))
    with calls_of(layer) as calls:
        layer(torch.tensor(2))
        layer(input=torch.tensor(3))
    layer(torch.tensor(4))
    assert calls == [((torch.tensor(2),), {}), ((), {"input": torch.tensor(3)})]
