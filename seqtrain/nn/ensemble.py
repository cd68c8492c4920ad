"""Several models as one: an ensemble."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqtrain.base import Model, ModelOutput, logits_of


class Ensemble(Model):
    """Models of one task whose probabilities are averaged: ``p(y | x) = 1 / M sum_m p_m(y | x)``.

    Its logits are the log-probabilities. A search, and what scores given tokens, asks each model by itself.

    Args:
        models: two or more, each with the same dictionaries.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        nn.Module.__init__(self)  # there is no config, and the models know their task
        self.models = nn.ModuleList(models)

    def forward(self, **net_input: Tensor) -> ModelOutput:
        """Return the log-probabilities as logits, (B, T, V)."""
        outputs = (logits_of(model(**net_input)) for model in self.models)
        log_probs = [torch.log_softmax(logits, dim=-1, dtype=torch.float32) for logits in outputs]
        return ModelOutput(mean_of_probabilities(log_probs), {})


def members(model: Model) -> list[Model]:
    """Return the models of an ensemble, or the one that there is."""
    return [*model.models] if isinstance(model, Ensemble) else [model]


def mean_of_probabilities(log_probs: Sequence[Tensor]) -> Tensor:
    """Return the logarithm of the mean of the probabilities whose logarithms M tensors of one shape hold."""
    if len(log_probs) == 1:
        return log_probs[0]
    return torch.stack([*log_probs]).logsumexp(0) - math.log(len(log_probs))
