import torch

from seqtrain.nn.embedding import InputEmbedding, output_projection, token_embedding
from seqtrain.nn.positions import SinusoidalPositions


def embedding(scale: bool = True, layernorm: bool = False, positions: bool = True) -> InputEmbedding:
    table = token_embedding(5, 4, pad=1)
    with torch.no_grad():
        table.weight[3] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    return InputEmbedding(
        table, SinusoidalPositions(4, 8) if positions else None, dropout=0.0, scale=scale, layernorm=layernorm
    )


def test_token_embedding_is_normal_with_a_zero_row_for_padding() -> None:
    table = token_embedding(1000, 64, pad=1)
    assert 0.124 < table.weight.std() < 0.126  # 1 / sqrt(64) = 0.125
    assert table.weight[1].count_nonzero() == 0


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


def test_output_projection_tied_or_of_its_own() -> None:
    table = token_embedding(1000, 64, pad=1)
    assert output_projection(64, 1000, tied_to=table).weight is table.weight
    free = output_projection(64, 1000)
    assert free.bias is None
    assert 0.124 < free.weight.std() < 0.126  # 1 / sqrt(64) = 0.125
