"""Label-smoothed cross-entropy: of logits, or of features whose logits (N, V) are never held whole.

Shape letters: N target tokens, D model dim, V vocabulary. Logarithms are natural and sums run over the N tokens. With
the smoothing eps, the loss expects the target with probability 1 - eps and each other symbol with eps / (V - 1), so
that it is (1 - eps - eps / (V - 1)) nll + eps / (V - 1) sum_v(-log p_v), as in fairseq. (Szegedy et al., CVPR 2016,
section 7, spread eps over the target too.)

Under ``torch.compile`` the logits are held whole: a loop over chunks would be compiled anew for each number of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from seqtrain.nn.linear import product_dtype

CHUNK_ROWS = 512
"""Tokens whose logits are held at a time: enough for fast matrix products, few enough for a processor's cache."""


class CrossEntropySums(NamedTuple):
    """Sums over the tokens; only the loss carries a gradient."""

    loss: Tensor
    """Label-smoothed cross-entropy, in nats, ()."""
    nll: Tensor
    """Negative log-likelihood, in nats, ()."""
    correct: Tensor
    """Tokens that the model finds most likely, (); 0 unless they are counted."""


class Options(NamedTuple):
    """What to compute."""

    label_smoothing: float = 0.0
    """Probability, in [0, 1), that the loss expects of all other symbols than the target together."""
    count_correct: bool = False
    """Count the tokens that the model finds most likely."""
    chunk_rows: int = CHUNK_ROWS
    """Tokens whose logits are held at a time, where they are computed here."""


def cross_entropy(logits: Tensor, target: Tensor, options: Options = Options()) -> CrossEntropySums:
    """Return the sums for logits (N, V) and target (N,), computed in fp32 at least."""
    log_probs = torch.log_softmax(logits, dim=1, dtype=_at_least_fp32(logits.dtype))
    loss, nll, correct = _sums(log_probs, target, options)
    return CrossEntropySums(loss, nll.detach(), correct)


def projected_cross_entropy(
    project: Callable[[Tensor], Tensor], features: Tensor, target: Tensor, options: Options = Options()
) -> CrossEntropySums:
    """Return the sums for the logits ``project(features)`` of features (N, D) and target (N,).

    It suits any projection: the logits of a chunk are forgotten, and computed again in the backward pass.
    """

    def of_chunk(features: Tensor, target: Tensor) -> CrossEntropySums:
        return cross_entropy(project(features), target, options)

    if len(target) <= options.chunk_rows or torch.compiler.is_compiling():
        return of_chunk(features, target)
    chunks = zip(torch.split(features, options.chunk_rows), torch.split(target, options.chunk_rows), strict=True)
    sums = [checkpoint(of_chunk, *chunk, use_reentrant=False) for chunk in chunks]
    return CrossEntropySums(*(torch.stack(parts).sum() for parts in zip(*sums, strict=True)))


def linear_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, options: Options = Options()
) -> CrossEntropySums:
    """Return the sums for the logits ``features weight^T + bias``: (N, D), (V, D), (V,) or None, target (N,).

    The gradients come with the loss, chunk by chunk, and the backward pass has only to scale them. Matrix products
    run in autocast's format, or the weight's; all else in fp32 at least.
    """
    if torch.compiler.is_compiling():
        return cross_entropy(functional.linear(features, weight, bias), target, options)
    apply: Callable[..., tuple[Tensor, Tensor, Tensor]] = _LinearCrossEntropy.apply
    return CrossEntropySums(*apply(features, weight, bias, target, options, torch.is_grad_enabled()))


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        options: Options,
        gradients: bool,
    ) -> tuple[Tensor, ...]:
        wanted = [gradients and needed for needed in ctx.needs_input_grad[:3]]
        projection = _ChunkedProjection(features, weight, bias, wanted, options.chunk_rows)
        sums = torch.zeros(3, dtype=projection.buffer.dtype, device=features.device)
        for start in range(0, len(target), options.chunk_rows):
            rows = slice(start, start + options.chunk_rows)
            logits = projection.logits(rows)
            log_probs = torch.log_softmax(logits, dim=1, out=logits)
            sums += torch.stack(_sums(log_probs, target[rows], options))
            if any(wanted):
                projection.add_gradients(rows, _into_gradient(log_probs, target[rows], options.label_smoothing))
        ctx.save_for_backward(*projection.gradients())
        loss, nll, correct = sums.unbind()
        ctx.mark_non_differentiable(nll, correct)
        return loss, nll, correct

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        gradients = [None if gradient is None else gradient * grad_loss for gradient in ctx.saved_tensors]
        return *gradients, None, None, None


class _ChunkedProjection:
    """A linear projection of some rows at a time: their logits in one buffer, their gradients added up."""

    def __init__(
        self, features: Tensor, weight: Tensor, bias: Tensor | None, wanted: Sequence[bool], chunk_rows: int
    ) -> None:
        format = product_dtype(weight)
        precise = _at_least_fp32(format)
        self.inputs = features, weight, bias
        self.features, self.weight, self.bias = features.to(format), weight.to(format), bias
        self.buffer = features.new_empty(min(chunk_rows, len(features)), len(weight), dtype=precise)
        self.totals = [
            torch.zeros_like(x, dtype=precise) if x is not None and is_wanted else None
            for x, is_wanted in zip(self.inputs, wanted, strict=True)
        ]

    def logits(self, rows: slice) -> Tensor:
        """Return the logits (rows, V), in the buffer that all rows share."""
        features = self.features[rows]
        logits = self.buffer[: len(features)]
        if logits.dtype == features.dtype:
            torch.mm(features, self.weight.t(), out=logits)
        else:
            logits.copy_(features @ self.weight.t())
        return logits if self.bias is None else logits.add_(self.bias)

    def add_gradients(self, rows: slice, grad_logits: Tensor) -> None:
        """Add what the gradient (rows, V) of these rows' logits makes for features, weight and bias."""
        features, weight, bias = self.totals
        if bias is not None:
            bias += grad_logits.sum(dim=0)
        grad_logits = grad_logits.to(self.weight.dtype)
        if features is not None:
            _add_product(features[rows], grad_logits, self.weight)
        if weight is not None:
            _add_product(weight, grad_logits.t(), self.features[rows])

    def gradients(self) -> list[Tensor | None]:
        """Return the gradients for features, weight and bias, each in the format of its input."""
        return [
            None if total is None or x is None else total.to(x.dtype)
            for total, x in zip(self.totals, self.inputs, strict=True)
        ]


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    """Add a b to ``total``, which may be of higher precision than the factors."""
    if total.dtype == a.dtype:
        total.addmm_(a, b)
    else:
        total += a @ b


def _sums(log_probs: Tensor, target: Tensor, options: Options) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, negative log-likelihood and number of correct tokens, each (), of log_probs (N, V) and target (N,)."""
    nll = -log_probs.gather(1, target.unsqueeze(1)).sum()
    loss = nll
    if options.label_smoothing:
        share, rest = _shares(options.label_smoothing, log_probs.size(1))
        loss = rest * nll - share * log_probs.sum()
    correct = (log_probs.argmax(dim=1) == target).sum() if options.count_correct else nll.new_zeros(())
    return loss, nll, correct.to(nll.dtype)


def _into_gradient(log_probs: Tensor, target: Tensor, label_smoothing: float) -> Tensor:
    """Turn log_probs (N, V) into the loss's gradient for the logits: probabilities less those expected."""
    share, rest = _shares(label_smoothing, log_probs.size(1))
    gradient = log_probs.exp_()
    if share:
        gradient.sub_(share)
    return gradient.scatter_add_(1, target.unsqueeze(1), gradient.new_full((len(target), 1), -rest))


def _shares(label_smoothing: float, vocab_size: int) -> tuple[float, float]:
    """Probability expected of each symbol, and what the target gets on top of it."""
    share = label_smoothing / (vocab_size - 1)
    return share, 1 - label_smoothing - share


def _at_least_fp32(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
