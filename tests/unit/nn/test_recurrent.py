import torch
from torch import nn

from seqtrain.nn.recurrent import Cells, RecurrentSource, output_layer


def test_a_source_is_reordered_as_a_whole() -> None:
    features, mask = torch.randn(3, 4, 2), torch.tensor([[False] * 4, [False, True, True, True], [False] * 4])
    cells = [Cells(torch.randn(3, 5), torch.randn(3, 5)) for _ in range(2)]
    kept = RecurrentSource(features, mask, cells).reorder(torch.tensor([1, 0]))
    assert torch.equal(kept.features, features[[1, 0]])
    assert torch.equal(kept.padding_mask, mask[[1, 0]])
    for of_layer, before in zip(kept.cells, cells, strict=True):
        assert torch.equal(of_layer.hidden, before.hidden[[1, 0]])
        assert torch.equal(of_layer.memory, before.memory[[1, 0]])


def test_a_linear_layer_stands_where_sizes_differ() -> None:
    dropout = nn.Dropout(0.1)
    assert isinstance(output_layer(4, 4, dropout), nn.Identity)
    assert output_layer(4, 3, dropout)(torch.randn(2, 5, 4)).shape == (2, 5, 3)
