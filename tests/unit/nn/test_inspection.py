from threading import Thread

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


def test_calls_of_another_thread_are_not_noted() -> None:
    layer = nn.Identity()
    with calls_of(layer) as calls:
        thread = Thread(target=layer, args=(torch.tensor(1),))
        thread.start()
        thread.join()
        layer(torch.tensor(2))
    assert calls == [((torch.tensor(2),), {})]
