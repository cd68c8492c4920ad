"""What criterions compute, written out in NumPy in double precision, one sentence and token at a time."""

from collections.abc import Callable, Sequence
from itertools import groupby, product

import numpy as np
import numpy.typing as npt
from torch import Tensor

from seqtrain.base import Dictionary

Array = npt.NDArray[np.float64]


def random_array(*shape: int, seed: int = 1) -> Array:
    """Return numbers from N(0, 1)."""
    return np.random.default_rng(seed).normal(size=shape)


def log_softmax(logits: Array) -> Array:
    """Return the log-probabilities (..., V) of logits (..., V)."""
    log_probs: Array = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return log_probs


def label_smoothed(logits: Array, target: npt.NDArray[np.int64], eps: float, prefix: int = 0) -> float:
    """Return the label-smoothed cross-entropy of target (B, T) by logits (B, T, V), from position ``prefix`` on."""
    total, size = 0.0, logits.shape[-1]
    for sentence, row in zip(log_softmax(logits), target, strict=True):
        for log_p, symbol in list(zip(sentence, row, strict=True))[prefix:]:
            if symbol != Dictionary.pad:
                expected = np.full(size, eps / (size - 1))
                expected[symbol] = 1 - eps
                total -= expected @ log_p
    return total


def alignment_of(attention: Array, alignments: Sequence[Sequence[Sequence[int]]]) -> float:
    """Return the alignment loss of attention (B, T, S) by links of source and target, -1 for none (Garg et al.)."""
    total = 0.0
    for sentence, links in zip(attention, alignments, strict=True):
        for number, row in enumerate(sentence):
            if sources := [source for source, target in links if target == number]:
                total -= sum(np.log(row[source]) for source in sources) / len(sources)
    return total


def ctc_of(logits: Array, labels: list[int], blank: int = Dictionary.bos) -> float:
    """Return the CTC loss of labels by logits (S, V): all paths are tried (Graves et al., 2006, equation 3)."""
    probs, total = np.exp(log_softmax(logits)), 0.0
    for path in product(sorted({blank, *labels}), repeat=len(logits)):
        if [symbol for symbol, _ in groupby(path) if symbol != blank] == labels:
            total += np.prod([probs[position, symbol] for position, symbol in enumerate(path)])
    return -float(np.log(total))


def kl(log_p: Array, log_q: Array) -> float:
    """Return the divergence KL(p || q) of log-probabilities (V,)."""
    return float(np.exp(log_p) @ (log_p - log_q))


def assert_gradient(found: Tensor, formula: Callable[[Array], float], x: Array) -> None:
    """Compare the gradient that a parameter has with the formula's difference quotients at ``x``."""
    expected, step = np.empty_like(x), 1e-5
    for place in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[place] = step
        expected[place] = (formula(x + nudge) - formula(x - nudge)) / (2 * step)
    assert found.grad is not None
    np.testing.assert_allclose(found.grad.numpy(), expected, rtol=1e-3, atol=1e-5)
