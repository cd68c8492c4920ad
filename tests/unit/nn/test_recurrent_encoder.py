from functools import partialmethod
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor

from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.recurrent import RecurrentSpec
from seqtrain.nn.recurrent_encoder import RecurrentEncoder

TOKENS = torch.tensor([[4, 5, 2, 1], [6, 7, 8, 2], [2, 1, 1, 1]])
LENGTHS = torch.tensor([3, 4, 1])
SPEC = RecurrentSpec(hidden_size=3, layers=2, dropout_in=0.0, dropout_out=0.0)


def build(cells: int, *, bidirectional: bool) -> RecurrentEncoder:
    torch.manual_seed(1)
    return RecurrentEncoder(token_embedding(9, 5, pad=1), SPEC, cells, bidirectional=bidirectional)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_sizes(bidirectional: bool) -> None:
    encoder = build(7, bidirectional=bidirectional)
    source = encoder(TOKENS, LENGTHS)
    assert source.features.shape == (3, 4, encoder.out_dim) == (3, 4, 6 if bidirectional else 3)
    assert [x.shape for of_layer in source.cells for x in of_layer] == [(3, 7)] * 4
    assert source.padding_mask.sum(dim=1).tolist() == [1, 0, 3]
    assert not source.features[source.padding_mask].any()


def test_the_last_features_are_what_a_decoder_of_the_same_size_begins_with() -> None:
    source = build(3, bidirectional=False)(TOKENS, LENGTHS)
    assert torch.equal(source.cells[-1].hidden, source.features[torch.arange(3), LENGTHS - 1])


def test_the_right_to_left_direction_ends_at_the_first_token() -> None:
    source = build(6, bidirectional=True)(TOKENS, LENGTHS)
    forward, backward = source.cells[-1].hidden.chunk(2, dim=1)
    assert torch.equal(forward, source.features[torch.arange(3), LENGTHS - 1, :3])
    assert torch.equal(backward, source.features[:, 0, 3:])


def test_lengths_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    to_cpu = Mock(wraps=Tensor.cpu)
    monkeypatch.setattr(Tensor, "cpu", partialmethod(to_cpu))
    build(3, bidirectional=True)(TOKENS, LENGTHS)
    assert to_cpu.call_count == 1
