import torch

from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.positions import SinusoidalPositions


def embedding(scale: bool = True, layernorm: bool = False, positions: bool = True) -> InputEmbedding:
    table = token_embedding(5, 4, pad=1)
    with torch.no_grad():
        table.weight[3] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    return InputEmbedding(
        table, SinusoidalPositions(4, 8) if positions else None, dropout=0.0, scale=scale, layernorm=layernorm
    )


def test_padding_gets_no_gradient() -> None:
    inputs = embedding()
    inputs(torch.tensor([[3, 1]])).sum().backward()
    gradient = inputs.get_parameter("tokens.weight").grad
    assert gradient is not None
    assert gradient.sum(1).tolist() == [0.0, 0.0, 0.0, 8.0, 0.0]


def test_scaled_tokens_plus_positions_by_hand() -> None:
    expected = torch.tensor([[[2.90930, 4.0002, 5.58385, 9.0]]])
    torch.testing.assert_close(embedding()(torch.tensor([[3]])), expected, atol=1e-5, rtol=0)


def test_start_is_the_position_of_the_first_token() -> None:
    expected = torch.tensor([[[2.14112, 4.0003, 5.01001, 9.0]]])
    torch.testing.assert_close(embedding()(torch.tensor([[3]]), start=1), expected, atol=1e-5, rtol=0)


def test_places_may_begin_anew() -> None:
    inputs = embedding()
    tokens, places = torch.tensor([[3, 4, 3]]), torch.tensor([[0, 1, 0]])
    assert torch.equal(inputs(tokens, places=places)[:, :2], inputs(tokens)[:, :2])
    assert torch.equal(inputs(tokens, places=places)[:, 2], inputs(tokens)[:, 0])


def test_without_scale_and_positions() -> None:
    inputs = embedding(scale=False, positions=False)
    assert inputs(torch.tensor([[3]])).tolist() == [[[1.0, 2.0, 3.0, 4.0]]]


def test_layernorm_by_hand() -> None:
    # Mean 2.5, standard deviation sqrt(1.25): -1.5 / 1.11803 = -1.34164.
    inputs = embedding(scale=False, positions=False, layernorm=True)
    expected = torch.tensor([[[-1.34164, -0.44721, 0.44721, 1.34164]]])
    torch.testing.assert_close(inputs(torch.tensor([[3]])), expected, atol=1e-4, rtol=0)
