import pytest
import torch
from torch import Tensor

from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.recurrent import Cells, RecurrentSource, RecurrentSpec
from seqtrain.nn.recurrent_decoder import RecurrentDecoder

SPEC = RecurrentSpec(hidden_size=4, layers=2, dropout_in=0.0, dropout_out=0.0)


def build(source_dim: int | None = 3) -> RecurrentDecoder:
    torch.manual_seed(1)
    return RecurrentDecoder(token_embedding(12, 5, pad=1), SPEC, source_dim, out_dim=6)


def source(sentences: int = 2) -> RecurrentSource:
    cells = [Cells(torch.randn(sentences, 4), torch.randn(sentences, 4)) for _ in range(2)]
    return RecurrentSource(torch.randn(sentences, 3, 3), torch.tensor([[False, False, True]] * sentences), cells)


def tokens(rows: int, length: int) -> Tensor:
    return torch.randint(2, 12, (rows, length))


def test_hypotheses_begin_with_the_cells_of_their_sentence() -> None:
    read = source()
    state = build().new_state(read, rows=6)
    for of_layer, begun in zip(read.cells, state.cells, strict=True):
        assert torch.equal(begun.hidden, of_layer.hidden[[0, 0, 0, 1, 1, 1]])
        assert torch.equal(begun.memory, of_layer.memory[[0, 0, 0, 1, 1, 1]])
    assert torch.equal(state.fed, torch.zeros(6, 4))


@pytest.mark.parametrize("source_dim", [3, None])
def test_it_goes_on_from_its_state(source_dim: int | None) -> None:
    decoder, read, target = build(source_dim), source(), tokens(4, 5)
    whole = decoder(target, read, decoder.new_state(read, 4))
    state, order = decoder.new_state(read, 4), torch.tensor([1, 1, 3, 2])
    decoder(target[:, :2], read, state)
    state.reorder(order)
    rest = decoder(target[order, 2:], read, state)
    torch.testing.assert_close(rest.features, whole.features[order, 2:])
    torch.testing.assert_close(rest.attention, whole.attention[order, 2:])
    assert whole.attention.shape == (4, 5, 3 if source_dim else 0)


def test_the_last_output_is_fed_back() -> None:
    decoder, read = build(), source()
    state = decoder.new_state(read, 2)
    before = decoder(tokens(2, 1), read, state).features
    fed = decoder.new_state(read, 2)
    fed.fed = torch.ones(2, 4)
    torch.manual_seed(1)
    assert not torch.allclose(decoder(tokens(2, 1), read, fed).features, before)
