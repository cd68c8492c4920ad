"""Adaptive input and softmax: rare symbols have fewer dimensions, and are reached by two choices instead of one.

Shape letters: N target tokens, D model dim, V vocabulary, C classes of a choice. The symbols, frequent ones first, are
cut into bands at the cutoffs; the symbols of band i, counted from 0, have D / factor**i dimensions, which a matrix
without bias projects to or from D. (Baevski and Auli, "Adaptive Input Representations for Neural Language Modeling",
ICLR 2019; Grave et al., "Efficient softmax approximation for GPUs", ICML 2017.)
"""

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqtrain.base import Choice
from seqtrain.errors import ConfigError
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.log_probs import log_softmax
from seqtrain.nn.matrix_products import linear


class Band(NamedTuple):
    """The symbols from ``first`` to before ``end``, and how many dimensions each has."""

    first: int
    end: int
    dim: int

    @property
    def size(self) -> int:
        """Number of its symbols."""
        return self.end - self.first

    def inside(self, tokens: Tensor) -> Tensor:
        """Return where tokens (...) are in the band, (...)."""
        return (tokens >= self.first) & (tokens < self.end)


def bands_of(vocab_size: int, cutoffs: Sequence[int], dim: int, factor: float) -> list[Band]:
    """Return the bands of V symbols that rising ``cutoffs`` make, the first of D dimensions.

    Raises:
        ConfigError: a band would have no symbols or no dimensions.
    """
    if max(cutoffs) >= vocab_size:
        raise ConfigError(
            f"the cutoffs {list(cutoffs)} of adaptive embeddings or an adaptive softmax must be below the size of the "
            f"vocabulary, {vocab_size}: leave out those that are not"
        )
    if dim < factor ** len(cutoffs):
        raise ConfigError(
            f"{len(cutoffs)} cutoffs with factor {factor:g} leave no dimension of {dim} for the rarest symbols: "
            "take fewer cutoffs or a smaller factor"
        )
    ends = pairwise([0, *cutoffs, vocab_size])
    return [Band(first, end, int(dim // factor**number)) for number, (first, end) in enumerate(ends)]


class AdaptiveEmbedding(nn.Module):
    """Embeddings (V, D) of which rare symbols have fewer parameters.

    Args:
        bands: The bands, the first of D dimensions.
        pad: Padding; its row is zero and gets no gradient.
    """

    def __init__(self, bands: Sequence[Band], pad: int) -> None:
        super().__init__()
        self.bands = bands
        self.embedding_dim = bands[0].dim
        self.pads = [pad - band.first if band.first <= pad < band.end else None for band in bands]
        self.weights = nn.ParameterList(
            token_embedding(band.size, band.dim, pad).weight for band, pad in zip(bands, self.pads, strict=True)
        )
        self.projections = nn.ParameterList(_xavier(self.embedding_dim, band.dim) for band in bands)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embed tokens (...); return (..., D).

        Every band embeds all tokens, those of other bands as zeros: shapes do not depend on which tokens there are.
        """
        return reduce(torch.add, (self._embed(tokens, number) for number in range(len(self.bands))))

    def _embed(self, tokens: Tensor, number: int) -> Tensor:
        """Return what one band makes of tokens (...), (..., D)."""
        band = self.bands[number]
        inside = band.inside(tokens)
        places = torch.where(inside, tokens - band.first, 0)
        embedded = functional.embedding(places, self.weights[number], self.pads[number])
        out: Tensor = torch.where(inside[..., None], embedded, 0) @ self.projections[number].t()
        return out


class AdaptiveSoftmax(nn.Module):
    """Log-probabilities of V symbols: a choice among the first band and the others as wholes, then one within a band.

    Args:
        bands: The bands, the first of D dimensions.
        dropout: Rate of dropout on the features and on what choices within bands are made by, as in fairseq.
        tied_to: Embedding of the same bands, whose weights are used here too.
        tie_projections: Whether to use its projections too, but that of the first band, which has none here.
    """

    def __init__(
        self,
        bands: Sequence[Band],
        dropout: float = 0.0,
        tied_to: AdaptiveEmbedding | None = None,
        *,
        tie_projections: bool = False,
    ) -> None:
        super().__init__()
        self.first, *self.others = bands
        self.dropout = Dropout(dropout)
        self.bands_weight = _xavier(len(self.others), self.first.dim)
        self.weights = nn.ParameterList(
            [_xavier(band.size, band.dim) for band in bands] if tied_to is None else tied_to.weights
        )
        self.projections = nn.ParameterList(
            [*tied_to.projections][1:]
            if tied_to is not None and tie_projections
            else [_xavier(self.first.dim, band.dim) for band in self.others]
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the log-probabilities (..., V) of features (..., D), in fp32 at least."""
        features = self.dropout(features)
        among_all = log_softmax(linear(features, self._first_weight()))
        log_probs = [among_all[..., : self.first.size]]
        for number in range(len(self.others)):
            within = log_softmax(linear(self._reduced(features, number), self.weights[number + 1]))
            log_probs.append(within + among_all[..., self.first.size + number, None])
        return torch.cat(log_probs, dim=-1)

    def choices(self, features: Tensor, target: Tensor) -> list[Choice]:
        """Return the choices that lead from features (N, D) to target (N,): their log-probabilities add up.

        A GPU is waited for once a band, to learn how many of the targets are in it: that many rows are multiplied, and
        for the rarest bands they are few.
        """
        features, first_target, within = self.dropout(features), target, []
        for number, band in enumerate(self.others):
            inside = band.inside(target)
            first_target = torch.where(inside, self.first.size + number, first_target)
            rows = inside.nonzero().squeeze(1)
            reduced = self._reduced(features[rows], number)
            within.append(Choice(reduced, self.weights[number + 1], target[rows] - band.first))
        return [Choice(features, self._first_weight(), first_target), *within]

    def _first_weight(self) -> Tensor:
        """Return the weight (C, D) of the first choice: symbols of the first band, then the other bands."""
        return torch.cat([self.weights[0], self.bands_weight])

    def _reduced(self, features: Tensor, number: int) -> Tensor:
        """Return what the choice within one of the other bands is made by, from features (..., D)."""
        reduced: Tensor = self.dropout(features @ self.projections[number])
        return reduced


def _xavier(rows: int, columns: int) -> nn.Parameter:
    """Return a parameter (rows, columns), drawn as fairseq draws it: Xavier uniform."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(rows, columns)))
