"""Multi-head attention (Vaswani et al., 2017, section 3.2) through torch's ``scaled_dot_product_attention``.

Projections of the same input are packed into one, in the order queries, keys, values: one large product instead
of three small ones. With fewer heads of keys and values than of queries, G = H / ``kv_heads`` heads of queries that
stand together share one (grouped-query attention: Ainslie et al., 2023; multi-query with one: Shazeer, 2019).
Queries and keys may be normalised, with weights that the heads share (Henry et al., 2020; Dehghani et al., 2023).
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtrain.nn.cache import Cache, KeysValues
from seqtrain.nn.layout import Layout
from seqtrain.nn.linear import output_linear, packed_linear, product_dtype
from seqtrain.nn.rotary import rotate
from seqtrain.nn.spec import LayerSpec


class Attention(nn.Module, ABC):
    """What self attention and cross attention have in common."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.head_dim = spec.head_dim
        self.heads = spec.heads
        self.kv_heads = spec.kv_heads or spec.heads
        self.dropout = spec.attention_dropout
        self.parts = [self.heads, self.kv_heads, self.kv_heads]
        self.sizes = [part * self.head_dim for part in self.parts]
        self.out_proj = output_linear(spec.dim, spec.dim, bias=spec.bias)
        self.q_norm = spec.build_norm(self.head_dim) if spec.qk_norm else nn.Identity()
        self.k_norm = spec.build_norm(self.head_dim) if spec.qk_norm else nn.Identity()

    @abstractmethod
    def projections(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weights that make queries (D, D), keys and values (D / G, D)."""

    def attend(
        self, queries: Tensor, source: KeysValues, mask: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """Let queries (B, H, T, K) attend to keys and values (B, H / G, S, K); return (B, T, D).

        ``mask``, which can be expanded to (B, H, T, S), is True where they may, or has numbers to add to scores.
        ``causal`` hides from each query what comes after it.
        """
        grouped = self.kv_heads < self.heads
        if grouped and mask is not None:  # of torch's fast kernels those that take a mask know no groups
            source = KeysValues(*(x.repeat_interleave(self.heads // self.kv_heads, dim=1) for x in source))
        attended = F.scaled_dot_product_attention(
            queries,
            *source,
            attn_mask=mask.to(queries.dtype) if mask is not None and mask.is_floating_point() else mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
            enable_gqa=grouped and mask is None,
        )
        out: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return out

    def split_heads(self, x: Tensor) -> Tensor:
        """Take a projection (B, T, H K), of several parts maybe, apart into (B, H, T, K)."""
        return x.view(*x.shape[:2], -1, self.head_dim).transpose(1, 2)


class SelfAttention(Attention):
    """A sequence attends to itself."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__(spec)
        self.qkv_proj = packed_linear(spec.dim, self.sizes, bias=spec.bias)

    def projections(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weights that make queries (D, D), keys and values (D / G, D)."""
        queries, keys, values = torch.split(self.qkv_proj.weight, self.sizes)
        return queries, keys, values

    def forward(self, x: Tensor, layout: Layout = Layout()) -> Tensor:
        """Attend within x (B, T, D); return (B, T, D)."""
        queries, source = self._project(x, layout)
        return self.attend(queries, source, layout.mask, causal=layout.causal)

    def new_cache(self, rows: int) -> Cache:
        """Return an empty cache of ``rows`` sequences, for :meth:`step`."""
        weight = self.out_proj.weight
        shape = (rows, 0, 2, self.kv_heads, self.head_dim)
        return Cache(weight.new_empty(shape, dtype=product_dtype(weight)))

    def step(self, x: Tensor, cache: Cache, layout: Layout) -> Tensor:
        """Attend from x (N, P, D), the next positions, to all up to each of them; return (N, P, D).

        The cache holds what was before and takes up the new keys and values.
        """
        queries, new = self._project(x, layout)
        return self.attend(queries, cache.extend(new), layout.mask, causal=layout.causal)

    def _project(self, x: Tensor, layout: Layout) -> tuple[Tensor, KeysValues]:
        """Return the queries (B, H, T, K), keys and values of x (B, T, D)."""
        queries, keys, values = torch.split(self.split_heads(self.qkv_proj(x)), self.parts, dim=1)
        queries, keys = self.q_norm(queries), self.k_norm(keys)
        if layout.rotation is not None:
            queries, keys = rotate(queries, layout.rotation), rotate(keys, layout.rotation)
        return queries, KeysValues(keys, values)


class CrossAttention(Attention):
    """A target attends to a source, which may be of another dimension."""

    def __init__(self, spec: LayerSpec, source_dim: int) -> None:
        super().__init__(spec)
        self.q_proj = packed_linear(spec.dim, self.sizes[:1], bias=spec.bias)
        self.kv_proj = packed_linear(source_dim, self.sizes[1:], bias=spec.bias)

    def projections(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weights that make queries (D, D), keys and values (D / G, source_dim)."""
        keys, values = self.kv_proj.weight.chunk(2)
        return self.q_proj.weight, keys, values

    def keys_values(self, features: Tensor) -> KeysValues:
        """Project the source's features (B, S, source_dim) to keys and values (B, H / G, S, K)."""
        keys, values = self.split_heads(self.kv_proj(features)).chunk(2, dim=1)
        return KeysValues(self.k_norm(keys), values)

    def forward(self, x: Tensor, source: KeysValues, mask: Tensor) -> Tensor:
        """Attend from x (N, T, D) to B sources, as a mask (B, 1, 1, S) says that is :meth:`attend`'s; return (N, T, D).

        The N // B sequences of a source stand together: they attend to it as if they were one.
        """
        joined = x.reshape(len(mask), -1, x.size(-1))  # (B, N // B * T, D)
        queries = self.q_norm(self.split_heads(self.q_proj(joined)))
        return self.attend(queries, source, mask).view_as(x)

    def probabilities(self, x: Tensor, source: KeysValues, mask: Tensor, *, heads: int | None) -> Tensor:
        """Return how much each of the first ``heads`` attends where, without dropout, (B, heads, T, S), in fp32.

        The mask (B, 1, 1, S) is True where they may; None stands for all heads. torch's function keeps that to
        itself, so it is computed here, where something wants to know.
        """
        queries: Tensor = self.q_norm(self.split_heads(self.q_proj(x)))[:, :heads]
        keys = source.keys.repeat_interleave(self.heads // self.kv_heads, dim=1)[:, :heads]
        scores = (queries @ keys.transpose(2, 3)).float() / math.sqrt(self.head_dim)
        return scores.masked_fill(~mask, -math.inf).softmax(dim=3)
