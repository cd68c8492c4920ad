"""Kullback-Leibler divergences of distributions over V symbols, summed over N tokens, in nats."""

from torch import Tensor


def kl_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the sum of KL(p || q), (), of log-probabilities (N, V) both."""
    return (log_p.exp() * (log_p - log_q)).sum()


def symmetric_kl_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the sum of (KL(p || q) + KL(q || p)) / 2, (), of log-probabilities (N, V) both."""
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum() / 2
