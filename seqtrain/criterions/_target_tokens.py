"""What the criterions over target tokens share: which tokens count, how logits come about, what is reported."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from seqtrain.base import Batch, FeatureModel, Model, ModelOutput, Sum
from seqtrain.errors import PluginError
from seqtrain.nn.chunked_cross_entropy import (
    CrossEntropySums,
    Options,
    cross_entropy,
    linear_cross_entropy,
    projected_cross_entropy,
)


@runtime_checkable
class LinearlyProjected(Protocol):
    """A :class:`FeatureModel` whose ``project(features)`` is ``features weight^T + bias`` and nothing else."""

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return the weight (V, D) and the bias (V,) or None."""


class TargetTokens:
    """The N positions of a batch's target that count: no padding, and none of the first ``ignore_prefix_size``."""

    def __init__(self, batch: Batch, pad: int, ignore_prefix_size: int = 0) -> None:
        counted = batch.target.ne(pad)
        counted[:, :ignore_prefix_size] = False
        # known from the batch but for a prefix: to ask a GPU for the number is to wait for it
        self.number = int(counted.sum()) if ignore_prefix_size else batch.ntokens
        self._shape = batch.target.shape
        self._positions = torch.nonzero_static(counted.flatten(), size=self.number).squeeze(1)
        self.target = self.select(batch.target)

    def select(self, x: Tensor) -> Tensor:
        """Return the rows (N, ...) of ``x`` (B, T, ...) at these positions.

        Raises:
            PluginError: the model's output does not have the target's first two dimensions.
        """
        if x.shape[:2] != self._shape:
            raise PluginError(
                f"the model's output has shape {tuple(x.shape)}, but its first two dimensions must be those of the "
                f"batch's target, {tuple(self._shape)}: sentences, then positions"
            )
        return x.flatten(0, 1).index_select(0, self._positions)


def target_cross_entropy(model: Model, batch: Batch, tokens: TargetTokens, options: Options) -> CrossEntropySums:
    """Return the sums over ``tokens``; the logits of a model that projects features are never held whole."""
    if not isinstance(model, FeatureModel):
        output = model(**batch.net_input)
        logits = output.logits if isinstance(output, ModelOutput) else output
        return cross_entropy(tokens.select(logits), tokens.target, options)
    features = tokens.select(model.extract_features(**batch.net_input))
    if isinstance(model, LinearlyProjected) and _projects_linearly(type(model)):
        return linear_cross_entropy(features, *model.projection_weights(), tokens.target, options)
    return projected_cross_entropy(model.project, features, tokens.target, options)


def metrics_of(sums: CrossEntropySums, tokens: TargetTokens, options: Options) -> dict[str, Sum]:
    """Return what to report, each a mean over tokens."""
    metrics = {"loss": Sum(sums.loss.detach(), tokens.number), "nll_loss": Sum(sums.nll, tokens.number)}
    return {**metrics, "accuracy": Sum(sums.correct, tokens.number)} if options.count_correct else metrics


def _projects_linearly(model_type: type) -> bool:
    """Whether ``projection_weights`` is as new as ``project``: a subclass may have changed the latter alone."""
    newest = next(cls for cls in model_type.__mro__ if {"project", "projection_weights"} & vars(cls).keys())
    return "projection_weights" in vars(newest)
