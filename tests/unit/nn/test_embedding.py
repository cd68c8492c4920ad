from seqtrain.nn.embedding import output_projection, token_embedding


def test_token_embedding_is_normal_with_a_zero_row_for_padding() -> None:
    table = token_embedding(1000, 64, pad=1)
    assert 0.124 < table.weight.std() < 0.126  # 1 / sqrt(64) = 0.125
    assert table.weight[1].count_nonzero() == 0


def test_output_projection_tied_or_of_its_own() -> None:
    table = token_embedding(1000, 64, pad=1)
    assert output_projection(64, 1000, tied_to=table).weight is table.weight
    free = output_projection(64, 1000)
    assert free.bias is None
    assert 0.124 < free.weight.std() < 0.126  # 1 / sqrt(64) = 0.125
    assert output_projection(64, 1000, bias=True).bias.shape == (1000,)
    assert output_projection(64, 1000, tied_to=table, bias=True).bias is None
