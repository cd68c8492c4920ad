import torch

from seqtrain.nn.linear import output_linear, packed_linear, product_dtype


def test_output_linear_is_xavier_uniform_with_zero_bias() -> None:
    layer = output_linear(64, 32)
    assert layer.weight.shape == (32, 64)
    assert 0.2450 < layer.weight.abs().max() <= 0.25  # sqrt(6 / (64 + 32)) = 0.25
    assert layer.bias.count_nonzero() == 0


def test_each_part_of_a_packed_layer_has_its_own_bounds() -> None:
    layer = packed_linear(64, [64, 64, 64])
    assert layer.weight.shape == (192, 64)
    for part in layer.weight.chunk(3):
        assert 0.1500 < part.abs().max() <= 0.1531  # sqrt(6 / (64 + 64)) / sqrt(2); 0.108 if initialised as a whole
    assert 0.1100 < layer.bias.abs().max() <= 0.125  # 1 / sqrt(64)


def test_initialisation_follows_the_seed() -> None:
    torch.manual_seed(3)
    first = packed_linear(4, [4, 4]).weight
    torch.manual_seed(3)
    assert torch.equal(packed_linear(4, [4, 4]).weight, first)


def test_parts_may_differ_in_size_and_have_no_bias() -> None:
    layer = packed_linear(64, [64, 16], bias=False)
    wide, narrow = torch.split(layer.weight, [64, 16])
    assert layer.bias is None
    # sqrt(1/2) sqrt(6 / (64 + 64)) = 0.1531 and sqrt(1/2) sqrt(6 / (64 + 16)) = 0.1936.
    assert 0.9 * 0.1531 < wide.abs().max() <= 0.1531
    assert 0.9 * 0.1936 < narrow.abs().max() <= 0.1937
    assert output_linear(4, 4, bias=False).bias is None


def test_products_have_the_format_of_autocast() -> None:
    weight = torch.ones(2, 2, dtype=torch.float64)
    assert product_dtype(weight) == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert product_dtype(weight) == torch.bfloat16
