"""Kullback-Leibler divergences of distributions over V symbols, summed over N tokens, in nats."""

from torch import Tensor

from seqtrain.nn.log_probs import at_least_fp32, log_softmax


def kl_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the sum of KL(p || q), (), of log-probabilities (N, V) both."""
    return (log_p.exp() * (log_p - log_q)).sum()


def symmetric_kl_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the sum of (KL(p || q) + KL(q || p)) / 2, (), of log-probabilities (N, V) both."""
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum() / 2


def tempered_log_probs(logits: Tensor, temperature: float) -> Tensor:
    """Return the log-probabilities (N, V) of logits (N, V) divided by a temperature, in fp32 at least."""
    return log_softmax(logits.to(at_least_fp32(logits.dtype)) / temperature)
