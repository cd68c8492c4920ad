"""Log-probabilities that a model gives to tokens that are known."""

import torch
from torch import Tensor

from seqtrain.base import FeatureModel, Model, logits_of
from seqtrain.nn.ensemble import mean_of_probabilities, members

CHUNK_LOGITS = 1 << 24
"""Most logits that are held at a time, where the model lets them be computed in parts."""


def token_log_probs(model: Model, net_input: dict[str, Tensor], target: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the log-probability of each token of ``target`` (B, T), in nats and fp32, (B, T).

    Logits are divided by ``temperature``. Those of a model that projects features are never held whole. The
    probabilities of an ensemble are the mean of its models'.
    """
    each = [_token_log_probs(member, net_input, target, temperature) for member in members(model)]
    return mean_of_probabilities(each)


def _token_log_probs(model: Model, net_input: dict[str, Tensor], target: Tensor, temperature: float) -> Tensor:
    """Return those that one model gives, (B, T)."""
    if not isinstance(model, FeatureModel):
        return _picked(logits_of(model(**net_input)).flatten(0, 1), target.flatten(), temperature).view_as(target)
    features = model.extract_features(**net_input).flatten(0, 1)
    vocabulary = model.project(features[:1]).size(-1)
    size = max(1, CHUNK_LOGITS // vocabulary)
    parts = zip(torch.split(features, size), torch.split(target.flatten(), size), strict=True)
    return torch.cat([_picked(model.project(part), tokens, temperature) for part, tokens in parts]).view_as(target)


def _picked(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """Return the log-probabilities (N,) of tokens (N,), given logits (N, V)."""
    return next_log_probs(logits, temperature).gather(1, tokens[:, None])[:, 0]


def next_log_probs(logits: Tensor, temperature: float) -> Tensor:
    """Return the log-softmax of logits (N, V) divided by ``temperature``, in fp32, (N, V).

    Logits that may be overwritten are: on a CPU half of the time goes to memory that is touched for the first time.
    """
    if temperature != 1.0:
        logits = logits.float() / temperature
    out = logits if _may_be_overwritten(logits) else None
    return torch.log_softmax(logits, dim=-1, dtype=torch.float32, out=out)


def _may_be_overwritten(logits: Tensor) -> bool:
    """Whether they are no parameter or part of another tensor, but were made in this search: in inference mode."""
    whole = logits.is_contiguous() and logits.dtype == torch.float32
    return whole and logits.is_inference() and logits.device.type == "cpu"
