"""Metrics: sums over batches and what they average to; scores of text."""
