import math

import pytest
import torch
from torch import Tensor, nn

from seqtrain.nn.attention import CrossAttention, KeysValues, SelfAttention


def self_attention(heads: int) -> SelfAttention:
    """Self attention of dimension 2 in which all projections are identities."""
    attention = SelfAttention(2, heads)
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
    torch.testing.assert_close(self_attention(1)(UNIT, causal=True), expected, atol=1e-5, rtol=0)


def test_padding_is_not_attended_to() -> None:
    expected = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    torch.testing.assert_close(self_attention(1)(UNIT, PADDED), expected)


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_the_formula(causal: bool) -> None:
    attention = SelfAttention(12, heads=3)
    nn.init.normal_(attention.qkv_proj.bias)
    x = torch.randn(2, 5, 12)
    visible = torch.ones(5, 5, dtype=torch.bool).tril() if causal else torch.ones(5, 5, dtype=torch.bool)
    queries, keys, values = attention.qkv_proj(x).chunk(3, -1)
    expected = attention.out_proj(formula(queries, keys, values, visible, heads=3))
    torch.testing.assert_close(attention(x, causal=causal), expected)


def test_cross_attention_is_the_formula() -> None:
    attention = CrossAttention(8, source_dim=6, heads=2)
    nn.init.normal_(attention.kv_proj.bias)
    x, features = torch.randn(2, 3, 8), torch.randn(2, 4, 6)
    padding_mask = torch.tensor([[False] * 4, [False, False, True, True]])
    keys, values = attention.kv_proj(features).chunk(2, -1)
    expected = attention.out_proj(formula(attention.q_proj(x), keys, values, ~padding_mask[:, None], heads=2))
    torch.testing.assert_close(attention(x, attention.keys_values(features), padding_mask), expected)


@pytest.mark.parametrize("sizes", [[1, 1, 1, 1, 1], [5], [2, 1, 2], [1, 4]])
def test_steps_equal_causal_attention(sizes: list[int]) -> None:
    attention = SelfAttention(8, heads=2)
    x = torch.randn(3, 5, 8)
    cache = KeysValues(torch.full((3, 2, 5, 4), math.nan), torch.full((3, 2, 5, 4), math.nan))
    with torch.no_grad():
        position, steps = 0, []
        for part in torch.split(x, sizes, dim=1):
            steps.append(attention.step(part, cache, position))
            position += part.size(1)
    torch.testing.assert_close(torch.cat(steps, 1), attention(x, causal=True))


def test_sequences_of_a_source_stand_together() -> None:
    attention = CrossAttention(8, source_dim=6, heads=2)
    x, features = torch.randn(4, 3, 8), torch.randn(2, 5, 6)
    padding_mask = torch.tensor([[False] * 5, [False, False, True, True, True]])
    order = torch.tensor([0, 0, 1, 1])
    expected = attention(x, attention.keys_values(features[order]), padding_mask[order])
    torch.testing.assert_close(attention(x, attention.keys_values(features), padding_mask), expected)


def test_dropout_is_for_training_only() -> None:
    attention = SelfAttention(8, heads=2, dropout=0.5)
    x = torch.randn(2, 4, 8)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    assert torch.equal(attention(x), attention(x))
