from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.nn.adaptive import AdaptiveEmbedding, AdaptiveSoftmax, bands_of
from seqtrain.nn.decoder import Decoder
from seqtrain.nn.deep_norm import DeepNorm
from seqtrain.nn.embedding import output_projection, token_embedding
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.initialization import initialize_gpt2, initialize_uniform
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.positions import LearnedPositions
from seqtrain.nn.spec import LayerSpec

DIM = 64


def decoder(**options: Any) -> Decoder:
    torch.manual_seed(1)
    inputs = InputEmbedding(
        token_embedding(500, DIM, pad=1), LearnedPositions(DIM, 200), dropout=0.0, scale=False, layernorm=False
    )
    return Decoder(inputs, LayerSpec(DIM, 2 * DIM, 4, **options), num_layers=2, source_dim=DIM)


def std(x: Tensor) -> float:
    return x.std().item()


def test_gpt2_by_hand() -> None:
    model = decoder(activation=Activation.gelu_tanh)
    initialize_gpt2(model, [model])
    layer = model._layers[1]
    assert std(layer.self_attention.qkv_proj.weight) == pytest.approx(0.02, rel=0.05)
    assert std(layer.feed_forward.fc1.weight) == pytest.approx(0.02, rel=0.05)
    assert std(model.embedding.get_parameter("tokens.weight")) == pytest.approx(0.02, rel=0.05)
    assert isinstance(model.embedding.positions, LearnedPositions)
    assert std(model.embedding.positions.weight) == pytest.approx(0.02, rel=0.05)
    # Six layers end a sublayer: 0.02 / sqrt(6).
    ends = layer.self_attention.out_proj, layer.cross_attention.out_proj, layer.feed_forward.fc2
    assert [std(end.weight) for end in ends] == pytest.approx([0.008165] * 3, rel=0.05)
    assert not any(linear.bias.any() for linear in model.modules() if isinstance(linear, nn.Linear))
    assert torch.equal(layer.self_attention_norm.state_dict()["weight"], torch.ones(DIM))


def test_gpt2_leaves_padding_at_zero_where_the_projection_is_tied() -> None:
    table = token_embedding(10, DIM, pad=1)
    initialize_gpt2(nn.ModuleList([table, output_projection(DIM, 10, tied_to=table)]), [])
    assert not table.weight[1].any()
    assert table.weight[0].all()


def test_gpt2_leaves_adaptive_ends_as_they_are() -> None:
    bands = bands_of(10, [4, 7], dim=8, factor=2)
    ends = nn.ModuleList([AdaptiveEmbedding(bands, pad=1), AdaptiveSoftmax(bands)])
    before = [x.clone() for x in ends.parameters()]
    initialize_gpt2(ends, [])
    assert all(map(torch.equal, ends.parameters(), before))


def test_deep_norm_by_hand() -> None:
    layer = decoder(deep_norm=DeepNorm(alpha=2.0, beta=0.25), kv_heads=2, activation=Activation.swiglu)._layers[0]
    queries, keys, values = layer.self_attention.projections()
    # Xavier: sqrt(2 / (in + out)) times the gain, with D = 64, keys and values of 32, networks of 128.
    assert std(queries) == pytest.approx(0.125, rel=0.05)
    assert std(keys) == pytest.approx(0.144338, rel=0.05)
    assert std(values) == pytest.approx(0.25 * 0.144338, rel=0.05)
    assert std(layer.cross_attention.projections()[2]) == pytest.approx(0.25 * 0.144338, rel=0.05)
    assert std(layer.cross_attention.out_proj.weight) == pytest.approx(0.25 * 0.125, rel=0.05)
    assert [std(part) for part in layer.feed_forward.inner()] == pytest.approx([0.25 * 0.102062] * 2, rel=0.05)
    assert std(layer.feed_forward.fc2.weight) == pytest.approx(0.25 * 0.102062, rel=0.05)
    assert not layer.self_attention.qkv_proj.bias.any()


def test_uniform_by_hand() -> None:
    torch.manual_seed(1)
    table, cell = token_embedding(50, DIM, pad=1), nn.LSTMCell(DIM, DIM)
    softmax = AdaptiveSoftmax(bands_of(50, [20], DIM, 4.0))
    tied, free = output_projection(DIM, 50, table), output_projection(DIM, 50, bias=True)
    kept = {name: x.clone() for name, x in softmax.named_parameters()}
    initialize_uniform(nn.ModuleList([table, cell, softmax, tied, free]))
    for parameter in (table.weight, *cell.parameters(), *free.parameters()):
        assert 0.09 < parameter.abs().max() <= 0.1
    assert std(cell.weight_hh) == pytest.approx(0.057735, rel=0.05), "0.1 / sqrt(3)"
    assert tied.weight is table.weight and not table.weight[1].any()
    assert all(torch.equal(x, kept[name]) for name, x in softmax.named_parameters())
