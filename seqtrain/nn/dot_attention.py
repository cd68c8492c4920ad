"""Global attention with a general score (Luong et al., 2015, section 3.1), as fairseq's ``AttentionLayer``."""

import torch
from torch import Tensor, nn

from seqtrain.base import EncoderOutput
from seqtrain.nn.linear import Linear


class DotAttention(nn.Module):
    r"""Each query q sees a mean of the source's features :math:`h_s`, weighed by products with it.

    .. math::
        a_s = \mathrm{softmax}_s(h_s \cdot W_a q), \qquad \tilde q = \tanh(W_c [\sum_s a_s h_s; q])

    Args:
        query_dim: dimension Q of queries and of what becomes of them.
        source_dim: dimension D of the source's features.
    """

    def __init__(self, query_dim: int, source_dim: int) -> None:
        super().__init__()
        self.input_proj = Linear(query_dim, source_dim, bias=False)
        self.output_proj = Linear(source_dim + query_dim, query_dim, bias=False)

    def forward(self, queries: Tensor, source: EncoderOutput) -> tuple[Tensor, Tensor]:
        """Attend from queries (B, T, Q) to B sources; return (B, T, Q) and the probabilities (B, T, S)."""
        scores = self.input_proj(queries) @ source.features.transpose(1, 2)  # (B, T, S)
        probabilities = scores.masked_fill(source.padding_mask[:, None], -torch.inf).softmax(dim=-1)
        context = probabilities @ source.features  # (B, T, D)
        return torch.tanh(self.output_proj(torch.cat([context, queries], dim=-1))), probabilities
