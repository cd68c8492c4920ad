"""Label-smoothed cross-entropy of features that are projected linearly: their logits (N, V) are never held whole.

Loss and gradients are those of :mod:`seqtrain.nn.chunked_cross_entropy`, whose letters are used here. The gradients
come with the loss, chunk by chunk, and the backward pass has only to scale them. A chunk's logits turn into its
probabilities, and these into the gradient, all in one place; log-probabilities are computed for the target alone.

Under ``torch.compile`` the logits are held whole: a loop over chunks would be compiled anew for each number of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from seqtrain.nn.chunked_cross_entropy import CrossEntropySums, Options, cross_entropy, shares
from seqtrain.nn.linear import product_dtype
from seqtrain.nn.log_probs import at_least_fp32
from seqtrain.nn.matrix_products import add_product, linear


def linear_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, options: Options = Options()
) -> CrossEntropySums:
    """Return the sums for the logits ``features weight^T + bias``: (N, D), (V, D), (V,) or None, target (N,).

    Matrix products run in autocast's format, or the weight's; all else in fp32 at least.
    """
    if torch.compiler.is_compiling():
        return cross_entropy(functional.linear(features, weight, bias), target, options)
    apply: Callable[..., tuple[Tensor, ...]] = _LinearCrossEntropy.apply
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
        projection = _ChunkedProjection(features, weight, bias, wanted)
        sums = torch.zeros(len(CrossEntropySums._fields), dtype=projection.precise, device=features.device)
        for start in range(0, len(target), options.chunk_rows):
            rows = slice(start, start + options.chunk_rows)
            chunk = _into_softmax(projection.logits(rows), target[rows], options)
            sums += torch.stack(chunk.sums)
            if any(wanted):
                projection.add_gradients(rows, _into_gradient(chunk, target[rows], options))
        ctx.save_for_backward(*projection.gradients())
        loss, *others = sums.unbind()
        ctx.mark_non_differentiable(*others)
        return loss.clone(), *others  # a view could not be added to in place

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        gradients = [None if gradient is None else gradient * grad_loss for gradient in ctx.saved_tensors]
        return *gradients, None, None, None


class _Softmax(NamedTuple):
    """A chunk of N tokens."""

    probs: Tensor
    """Probabilities, (N, V), where the logits were."""
    log_z: Tensor
    """Logarithms of what the probabilities were divided by, (N,)."""
    sums: CrossEntropySums
    """Its sums."""


def _into_softmax(logits: Tensor, target: Tensor, options: Options) -> _Softmax:
    """Turn logits (N, V) into probabilities; the likeliest symbol, whose probability is not 0, tells log(Z)."""
    correct = (logits.argmax(dim=1) == target).sum() if options.count_correct else logits.new_zeros(())
    highest = logits.amax(dim=1)
    behind = highest - logits.gather(1, target.unsqueeze(1)).squeeze(1)
    total = logits.sum() if options.label_smoothing else None
    probs = torch.softmax(logits, dim=1, out=logits)
    log_highest = probs.amax(dim=1).log()
    log_z = highest - log_highest
    nll = loss = (behind - log_highest).sum()  # of numbers that are not negative: exact also where it is next to 0
    if total is not None:
        share, rest = shares(options.label_smoothing, logits.size(1))
        loss = rest * nll + share * (logits.size(1) * log_z.sum() - total)
    z_loss = options.z_loss * log_z.square().sum() if options.z_loss else nll.new_zeros(())
    return _Softmax(probs, log_z, CrossEntropySums(loss + z_loss, nll, correct.to(nll.dtype), z_loss))


def _into_gradient(chunk: _Softmax, target: Tensor, options: Options) -> Tensor:
    """Turn probabilities (N, V) into the loss's gradient for the logits: probabilities less those expected.

    The z-loss adds to it: the gradient of log(Z)^2 is 2 log(Z) times the probabilities.
    """
    share, rest = shares(options.label_smoothing, chunk.probs.size(1))
    gradient = chunk.probs
    if options.z_loss:
        gradient.mul_((1 + 2 * options.z_loss * chunk.log_z).unsqueeze(1))
    if share:
        gradient.sub_(share)
    return gradient.scatter_add_(1, target.unsqueeze(1), gradient.new_full((len(target), 1), -rest))


class _ChunkedProjection:
    """A linear projection of some rows at a time, whose gradients add up."""

    def __init__(self, features: Tensor, weight: Tensor, bias: Tensor | None, wanted: Sequence[bool]) -> None:
        format = product_dtype(weight)
        self.precise = at_least_fp32(format)
        self.inputs = features, weight, bias
        self.features, self.weight, self.bias = features.to(format), weight.to(format), bias
        shapes = features.shape, weight.t().shape, weight.shape[:1]  # the weight's gradient is added up transposed
        self.totals = [
            features.new_zeros(shape, dtype=self.precise) if is_wanted else None
            for shape, is_wanted in zip(shapes, wanted, strict=True)
        ]

    def logits(self, rows: slice) -> Tensor:
        """Return the logits (rows, V), which belong to the caller."""
        logits = linear(self.features[rows], self.weight).to(self.precise)
        return logits if self.bias is None else logits.add_(self.bias)

    def add_gradients(self, rows: slice, grad_logits: Tensor) -> None:
        """Add what the gradient (rows, V) of these rows' logits makes for features, weight and bias."""
        features, weight, bias = self.totals
        if bias is not None:
            bias += grad_logits.sum(dim=0)
        grad_logits = grad_logits.to(self.weight.dtype)
        if features is not None:
            features[rows] = linear(grad_logits, self.weight.t())
        if weight is not None:
            add_product(weight, self.features[rows].t(), grad_logits.t())

    def gradients(self) -> list[Tensor | None]:
        """Return the gradients for features, weight and bias, each in the format of its input."""
        features, weight, bias = self.totals
        totals = features, None if weight is None else weight.t().contiguous(), bias
        return [
            None if total is None or x is None else total.to(x.dtype)
            for total, x in zip(totals, self.inputs, strict=True)
        ]
