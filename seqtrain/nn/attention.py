"""Multi-head attention (Vaswani et al., 2017, section 3.2) through torch's ``scaled_dot_product_attention``.

Projections of the same input are packed into one, in the order queries, keys, values: one large product instead
of three small ones.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtrain.nn.linear import output_linear, packed_linear, product_dtype


class KeysValues(NamedTuple):
    """What is attended to: keys and values of each head, (B, H, S, K) both."""

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    """What self attention and cross attention have in common."""

    def __init__(self, dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.out_proj = output_linear(dim, dim)

    def split_heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Take packed projections (B, T, parts * D) apart, into ``parts`` tensors (B, H, T, K)."""
        batch, length, _ = x.shape
        return x.view(batch, length, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def attend(
        self, queries: Tensor, source: KeysValues, padding_mask: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """Let queries (B, H, T, K) attend to keys and values (B, H, S, K); return (B, T, D).

        ``padding_mask`` (B, S) is True where keys are padding. ``causal`` hides from each query what comes after it;
        the last query stands where the last key does.
        """
        length, keys_length = queries.size(2), source.keys.size(2)
        if padding_mask is not None:
            mask = ~padding_mask[:, None, None]  # (B, 1, 1, S)
        elif causal and 1 < length < keys_length:
            mask = _up_to_each(length, keys_length, queries.device)
        else:
            mask = None
        attended = F.scaled_dot_product_attention(
            queries,
            *source,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal and length == keys_length,
        )
        out: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return out


class SelfAttention(Attention):
    """A sequence attends to itself."""

    def __init__(self, dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__(dim, heads, dropout)
        self.qkv_proj = packed_linear(dim, dim, parts=3)

    def forward(self, x: Tensor, padding_mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
        """Attend within x (B, T, D), padding (B, T) left out; return (B, T, D).

        Causal attention needs no mask: padding stands on the right, after all that may be attended to.
        """
        queries, keys, values = self.split_heads(self.qkv_proj(x), 3)
        return self.attend(queries, KeysValues(keys, values), padding_mask, causal=causal)

    def new_cache(self, rows: int, max_length: int) -> KeysValues:
        """Return room for the keys and values of ``rows`` sequences, (N, H, max_length, K), for :meth:`step`."""
        weight = self.out_proj.weight
        shape = (rows, self.heads, max_length, len(weight) // self.heads)
        return KeysValues(*(weight.new_empty(shape, dtype=product_dtype(weight)) for _ in range(2)))

    def step(self, x: Tensor, cache: KeysValues, position: int) -> Tensor:
        """Attend from x (N, P, D), at the positions from ``position``, to all up to each of them; return (N, P, D).

        The cache (N, H, max_length, K) holds what was before and takes up the new keys and values.
        """
        queries, keys, values = self.split_heads(self.qkv_proj(x), 3)  # (N, H, P, K)
        end = position + x.size(1)
        cache.keys[:, :, position:end] = keys
        cache.values[:, :, position:end] = values
        so_far = KeysValues(cache.keys[:, :, :end], cache.values[:, :, :end])
        return self.attend(queries, so_far, causal=True)


class CrossAttention(Attention):
    """A target attends to a source, which may be of another dimension."""

    def __init__(self, dim: int, source_dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__(dim, heads, dropout)
        self.q_proj = packed_linear(dim, dim, parts=1)
        self.kv_proj = packed_linear(source_dim, dim, parts=2)

    def keys_values(self, features: Tensor) -> KeysValues:
        """Project the source's features (B, S, D) to keys and values (B, H, S, K)."""
        return KeysValues(*self.split_heads(self.kv_proj(features), 2))

    def forward(self, x: Tensor, source: KeysValues, padding_mask: Tensor) -> Tensor:
        """Attend from x (N, T, D) to B sources with padding (B, S); return (N, T, D).

        The N // B sequences of a source stand together: they attend to it as if they were one.
        """
        joined = x.reshape(len(padding_mask), -1, x.size(-1))  # (B, N // B * T, D)
        (queries,) = self.split_heads(self.q_proj(joined), 1)
        return self.attend(queries, source, padding_mask).view_as(x)


def _up_to_each(length: int, keys_length: int, device: torch.device) -> Tensor:
    """Return a mask (T, S), True where the last T of S positions may attend: to themselves and all before them."""
    positions = torch.arange(keys_length, device=device)
    return positions <= positions[-length:, None]
