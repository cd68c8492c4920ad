"""Label-smoothed cross-entropy: of logits, or of features by any projection, some of whose logits are held at a time.

Shape letters: N target tokens, D model dim, V vocabulary. Logarithms are natural and sums run over the N tokens. With
the smoothing eps, the loss expects the target with probability 1 - eps and each other symbol with eps / (V - 1), so
that it is (1 - eps - eps / (V - 1)) nll + eps / (V - 1) sum_v(-log p_v), as in fairseq. (Szegedy et al., CVPR 2016,
section 7, spread eps over the target too.) On top of that the z-loss, c log(Z)^2 with Z = sum_v exp(logit_v), keeps
logits from drifting (Chowdhery et al., PaLM, 2022, section 5).
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

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


def _sums(given: Normalized, target: Tensor, options: Options) -> tuple[Tensor, ...]:
    """Return the ``CrossEntropySums`` of log-probabilities (N, V) and target (N,)."""
    log_probs, log_z = given
    nll = -log_probs.gather(1, target.unsqueeze(1)).sum()
    loss = nll
    if options.label_smoothing:
        share, rest = shares(options.label_smoothing, log_probs.size(1))
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


def shares(label_smoothing: float, vocab_size: int) -> tuple[float, float]:
    """Return the probability expected of each symbol, and what the target gets on top of it."""
    share = label_smoothing / (vocab_size - 1)
    return share, 1 - label_smoothing - share
