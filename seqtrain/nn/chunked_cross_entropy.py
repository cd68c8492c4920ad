"""Label-smoothed cross-entropy: of logits, or of features whose logits (N, V) are never held whole.

Shape letters: N target tokens, D model dim, V vocabulary. Logarithms are natural and sums run over the N tokens. With
the smoothing eps, the loss expects the target with probability 1 - eps and each other symbol with eps / (V - 1), so
that it is (1 - eps - eps / (V - 1)) nll + eps / (V - 1) sum_v(-log p_v), as in fairseq. (Szegedy et al., CVPR 2016,
section 7, spread eps over the target too.) On top of that the z-loss, c log(Z)^2 with Z = sum_v exp(logit_v), keeps
logits from drifting (Chowdhery et al., PaLM, 2022, section 5).

Under ``torch.compile`` the logits are held whole: a loop over chunks would be compiled anew for each number of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from seqtrain.nn.linear import product_dtype
from seqtrain.nn.log_probs import at_least_fp32, log_softmax
from seqtrain.nn.row_chunks import CHUNK_ROWS, sums_of_chunks


class CrossEntropySums(NamedTuple):
    """Sums over the tokens; only the loss carries a gradient."""

    loss: Tensor
    """Label-smoothed cross-entropy and z-loss, in nats, ()."""
    nll: Tensor
    """Negative log-likelihood, in nats, ()."""
    correct: Tensor
    """Tokens that the model finds most likely, (); 0 unless they are counted."""
    z_loss: Tensor
    """The z-loss in the loss, ()."""


class Options(NamedTuple):
    """What to compute."""

    label_smoothing: float = 0.0
    """Probability, in [0, 1), that the loss expects of all other symbols than the target together."""
    count_correct: bool = False
    """Count the tokens that the model finds most likely."""
    chunk_rows: int = CHUNK_ROWS
    """Tokens whose logits are held at a time, where they are computed here."""
    z_loss: float = 0.0
    """Coefficient of log(Z)^2, at least 0."""


class Normalized(NamedTuple):
    """Logits of N tokens as log-probabilities, in fp32 at least."""

    log_probs: Tensor
    """Log-probabilities, (N, V)."""
    log_z: Tensor | None
    """What was taken from the logits, log(Z), (N,); None without z-loss."""


def normalized(logits: Tensor, options: Options = Options()) -> Normalized:
    """Return logits (N, V) as log-probabilities."""
    return Normalized(log_softmax(logits), _log_z(logits, options))


def cross_entropy(logits: Tensor, target: Tensor, options: Options = Options()) -> CrossEntropySums:
    """Return the sums for logits (N, V) and target (N,), computed in fp32 at least."""
    return cross_entropy_of(normalized(logits, options), target, options)


def cross_entropy_of(given: Normalized, target: Tensor, options: Options = Options()) -> CrossEntropySums:
    """Return the sums for log-probabilities (N, V) and target (N,)."""
    loss, *others = _sums(given, target, options)
    return CrossEntropySums(loss, *(number.detach() for number in others))


def projected_cross_entropy(
    project: Callable[[Tensor], Tensor], features: Tensor, target: Tensor, options: Options = Options()
) -> CrossEntropySums:
    """Return the sums for the logits ``project(features)`` of features (N, D) and target (N,).

    It suits any projection: the logits of a chunk are forgotten, and computed again in the backward pass.
    """

    def of_chunk(features: Tensor, target: Tensor) -> CrossEntropySums:
        return cross_entropy(project(features), target, options)

    return CrossEntropySums(*sums_of_chunks(of_chunk, features, target, rows=options.chunk_rows))


def linear_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, options: Options = Options()
) -> CrossEntropySums:
    """Return the sums for the logits ``features weight^T + bias``: (N, D), (V, D), (V,) or None, target (N,).

    The gradients come with the loss, chunk by chunk, and the backward pass has only to scale them. Matrix products
    run in autocast's format, or the weight's; all else in fp32 at least.
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
        projection = _ChunkedProjection(features, weight, bias, wanted, options.chunk_rows)
        sums = torch.zeros(len(CrossEntropySums._fields), dtype=projection.buffer.dtype, device=features.device)
        for start in range(0, len(target), options.chunk_rows):
            rows = slice(start, start + options.chunk_rows)
            logits = projection.logits(rows)
            log_z = _log_z(logits, options)
            given = Normalized(torch.log_softmax(logits, dim=1, out=logits), log_z)
            sums += torch.stack(_sums(given, target[rows], options))
            if any(wanted):
                projection.add_gradients(rows, _into_gradient(given, target[rows], options))
        ctx.save_for_backward(*projection.gradients())
        loss, *others = sums.unbind()
        ctx.mark_non_differentiable(*others)
        return loss, *others

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
        precise = at_least_fp32(format)
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


def _sums(given: Normalized, target: Tensor, options: Options) -> tuple[Tensor, ...]:
    """Return the ``CrossEntropySums`` of log-probabilities (N, V) and target (N,)."""
    log_probs, log_z = given
    nll = -log_probs.gather(1, target.unsqueeze(1)).sum()
    loss = nll
    if options.label_smoothing:
        share, rest = _shares(options.label_smoothing, log_probs.size(1))
        loss = rest * nll - share * log_probs.sum()
    correct = (log_probs.argmax(dim=1) == target).sum() if options.count_correct else nll.new_zeros(())
    z_loss = nll.new_zeros(())
    if log_z is not None:
        z_loss = options.z_loss * log_z.square().sum()
        loss = loss + z_loss  # not a sum with 0: torch.compile would take it away, and the loss's gradient with it
    return loss, nll, correct.to(nll.dtype), z_loss


def _log_z(logits: Tensor, options: Options) -> Tensor | None:
    """Return log(Z) (N,) of logits (N, V), in fp32 at least, if the loss needs it."""
    return logits.to(at_least_fp32(logits.dtype)).logsumexp(dim=1) if options.z_loss else None


def _into_gradient(given: Normalized, target: Tensor, options: Options) -> Tensor:
    """Turn log-probabilities (N, V) into the loss's gradient for the logits: probabilities less those expected.

    The z-loss adds to it: the gradient of log(Z)^2 is 2 log(Z) times the probabilities.
    """
    share, rest = _shares(options.label_smoothing, given.log_probs.size(1))
    gradient = given.log_probs.exp_()
    if given.log_z is not None:
        gradient.mul_((1 + 2 * options.z_loss * given.log_z).unsqueeze(1))
    if share:
        gradient.sub_(share)
    return gradient.scatter_add_(1, target.unsqueeze(1), gradient.new_full((len(target), 1), -rest))


def _shares(label_smoothing: float, vocab_size: int) -> tuple[float, float]:
    """Probability expected of each symbol, and what the target gets on top of it."""
    share = label_smoothing / (vocab_size - 1)
    return share, 1 - label_smoothing - share
