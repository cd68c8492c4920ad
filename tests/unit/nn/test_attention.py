import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.nn.attention import CrossAttention, SelfAttention
from seqtrain.nn.layout import Layout, causal_layout, full_layout
from seqtrain.nn.norm import Norm
from seqtrain.nn.positions import Positions
from seqtrain.nn.spec import LayerSpec


def spec(dim: int, heads: int, **options: Any) -> LayerSpec:
    return LayerSpec(dim, ffn_dim=1, heads=heads, **options)


def self_attention(heads: int) -> SelfAttention:
    """Self attention of dimension 2 in which all projections are identities."""
    attention = SelfAttention(spec(2, heads))
    with torch.no_grad():
        attention.qkv_proj.weight.copy_(torch.eye(2).repeat(3, 1))
        attention.qkv_proj.bias.zero_()
        attention.out_proj.weight.copy_(torch.eye(2))
    return attention


def formula(q: Tensor, k: Tensor, v: Tensor, visible: Tensor, heads: int) -> Tensor:
    """softmax(q k' / sqrt(K)) v for each head of projected q (B, T, D), k and v (B, S, D)."""
    outputs = []
    for q1, k1, v1 in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
        scores = (q1 @ k1.transpose(1, 2) / math.sqrt(q1.size(-1))).masked_fill(~visible, -math.inf)
        outputs.append(scores.softmax(-1) @ v1)
    return torch.cat(outputs, -1)


UNIT = torch.eye(2)[None]
PADDED = torch.tensor([[False, True]])


def test_one_head_by_hand() -> None:
    # Scores are 1/sqrt(2) and 0; exp(0.70711) / (exp(0.70711) + 1) = 0.66976.
    expected = torch.tensor([[[0.66976, 0.33024], [0.33024, 0.66976]]])
    torch.testing.assert_close(self_attention(1)(UNIT), expected, atol=1e-5, rtol=0)


def test_two_heads_by_hand() -> None:
    # Heads of dimension 1; exp(1) / (exp(1) + 1) = 0.73106 where query and key are 1, 1/2 where the query is 0.
    expected = torch.tensor([[[0.73106, 0.5], [0.5, 0.73106]]])
    torch.testing.assert_close(self_attention(2)(UNIT), expected, atol=1e-5, rtol=0)


def test_causal_by_hand() -> None:
    expected = torch.tensor([[[1.0, 0.0], [0.33024, 0.66976]]])
    torch.testing.assert_close(self_attention(1)(UNIT, Layout(causal=True)), expected, atol=1e-5, rtol=0)


def test_padding_is_not_attended_to() -> None:
    expected = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    torch.testing.assert_close(self_attention(1)(UNIT, full_layout(spec(2, 1), PADDED)), expected)


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_the_formula(causal: bool) -> None:
    attention = SelfAttention(spec(12, heads=3))
    nn.init.normal_(attention.qkv_proj.bias)
    x = torch.randn(2, 5, 12)
    visible = torch.ones(5, 5, dtype=torch.bool).tril() if causal else torch.ones(5, 5, dtype=torch.bool)
    queries, keys, values = attention.qkv_proj(x).chunk(3, -1)
    expected = attention.out_proj(formula(queries, keys, values, visible, heads=3))
    torch.testing.assert_close(attention(x, Layout(causal=causal)), expected)


def test_cross_attention_is_the_formula() -> None:
    attention = CrossAttention(spec(8, heads=2), source_dim=6)
    nn.init.normal_(attention.kv_proj.bias)
    x, features = torch.randn(2, 3, 8), torch.randn(2, 4, 6)
    padding_mask = torch.tensor([[False] * 4, [False, False, True, True]])
    keys, values = attention.kv_proj(features).chunk(2, -1)
    expected = attention.out_proj(formula(attention.q_proj(x), keys, values, ~padding_mask[:, None], heads=2))
    torch.testing.assert_close(attention(x, attention.keys_values(features), ~padding_mask[:, None, None]), expected)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"positions": Positions.rotary},
    {"positions": Positions.alibi},
    {"kv_heads": 1},
    {"kv_heads": 2, "positions": Positions.alibi},
    {"qk_norm": True, "norm": Norm.rms_norm, "bias": False},
]


@pytest.mark.parametrize("lengths", [[1, 1, 1, 1, 1], [3, 2], [2, 1, 2]])
@pytest.mark.parametrize("options", OPTIONS)
def test_steps_equal_causal_attention(options: dict[str, Any], lengths: list[int]) -> None:
    layers = spec(16, heads=4, **options)
    attention = SelfAttention(layers)
    x = torch.randn(3, 5, 16)
    cache = attention.new_cache(rows=3)
    steps, start = [], 0
    with torch.no_grad():
        for length in lengths:
            layout = causal_layout(layers, length, x.device, start=start)
            steps.append(attention.step(x[:, start : start + length], cache, layout))
            start += length
    expected = attention(x, causal_layout(layers, 5, x.device))
    torch.testing.assert_close(torch.cat(steps, 1), expected)


@pytest.mark.parametrize("kv_heads", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_grouped_queries_are_heads_with_repeated_weights(kv_heads: int, masked: bool) -> None:
    grouped, full = SelfAttention(spec(16, heads=4, kv_heads=kv_heads)), SelfAttention(spec(16, heads=4))
    queries, keys, values = torch.split(grouped.qkv_proj.weight, [16, 4 * kv_heads, 4 * kv_heads])
    with torch.no_grad():
        for whole, parts in zip(full.projections(), (queries, keys, values), strict=True):
            whole.copy_(torch.cat([part for part in torch.split(parts, 4) for _ in range(16 // len(parts))]))
        nn.init.zeros_(full.qkv_proj.bias)
        nn.init.zeros_(grouped.qkv_proj.bias)
        full.out_proj.load_state_dict(grouped.out_proj.state_dict())
    x = torch.randn(2, 5, 16)
    layout = Layout(mask=torch.rand(2, 1, 5, 5) < 0.5 + torch.eye(5)) if masked else Layout(causal=True)
    torch.testing.assert_close(grouped(x, layout), full(x, layout))


def test_grouped_cross_attention_is_heads_with_repeated_weights() -> None:
    grouped = CrossAttention(spec(8, heads=2, kv_heads=1, bias=False), source_dim=6)
    full = CrossAttention(spec(8, heads=2, bias=False), source_dim=6)
    keys, values = grouped.kv_proj.weight.detach().chunk(2)
    state = {**grouped.state_dict(), "kv_proj.weight": torch.cat([keys, keys, values, values])}
    full.load_state_dict(state)
    x, features, mask = torch.randn(2, 3, 8), torch.randn(2, 4, 6), torch.tensor([[True] * 4, [True] * 3 + [False]])
    assert grouped.keys_values(features).keys.shape == (2, 1, 4, 4)
    expected = full(x, full.keys_values(features), mask[:, None, None])
    torch.testing.assert_close(grouped(x, grouped.keys_values(features), mask[:, None, None]), expected)


def test_queries_and_keys_of_each_head_are_normalised() -> None:
    attention = SelfAttention(spec(12, heads=3, qk_norm=True))
    for norm in (attention.q_norm, attention.k_norm):
        assert isinstance(norm, nn.LayerNorm)
        nn.init.normal_(norm.weight)
    x = torch.randn(2, 5, 12)
    queries, keys, values = attention.qkv_proj(x).chunk(3, -1)
    queries = torch.cat([attention.q_norm(head) for head in queries.chunk(3, -1)], -1)
    keys = torch.cat([attention.k_norm(head) for head in keys.chunk(3, -1)], -1)
    expected = attention.out_proj(formula(queries, keys, values, torch.ones(5, 5, dtype=torch.bool), heads=3))
    torch.testing.assert_close(attention(x), expected)


@pytest.mark.parametrize("positions", [Positions.rotary, Positions.alibi])
def test_only_distances_matter(positions: Positions) -> None:
    layers = spec(16, heads=4, positions=positions)
    attention, x = SelfAttention(layers), torch.randn(1, 4, 16)
    expected = attention(x, causal_layout(layers, 4, x.device))
    layout = causal_layout(layers, 7, x.device, documents=torch.tensor([[0, 0, 0, 1, 1, 1, 1]]))
    shifted = attention(torch.cat([torch.randn(1, 3, 16), x], 1), layout)
    torch.testing.assert_close(shifted[:, 3:], expected)


def test_no_biases() -> None:
    attention = CrossAttention(spec(8, heads=2, bias=False, qk_norm=True), source_dim=6)
    assert not [name for name, _ in attention.named_parameters() if name.endswith("bias")]


def test_sequences_of_a_source_stand_together() -> None:
    attention = CrossAttention(spec(8, heads=2), source_dim=6)
    x, features = torch.randn(4, 3, 8), torch.randn(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])[:, None, None]
    order = torch.tensor([0, 0, 1, 1])
    expected = attention(x, attention.keys_values(features[order]), mask[order])
    torch.testing.assert_close(attention(x, attention.keys_values(features), mask), expected)


def test_dropout_is_for_training_only() -> None:
    attention = SelfAttention(spec(8, heads=2, attention_dropout=0.5))
    x = torch.randn(2, 4, 8)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    assert torch.equal(attention(x), attention(x))


@pytest.mark.parametrize("options", [{}, {"kv_heads": 2, "qk_norm": True}])
def test_probabilities_are_those_of_torch(options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    attention = CrossAttention(spec(8, heads=4, attention_dropout=0.5, **options), 6).eval()
    x, features = torch.randn(2, 3, 8), torch.randn(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])[:, None, None]
    source = attention.keys_values(features)
    probabilities = attention.probabilities(x, source, mask, heads=4)
    assert not probabilities[1, :, :, 2:].any()
    values = source.values.repeat_interleave(4 // source.values.size(1), dim=1)
    attended = attention.out_proj((probabilities @ values).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attended, attention(x, source, mask))
    torch.testing.assert_close(attention.probabilities(x, source, mask, heads=2), probabilities[:, :2])
