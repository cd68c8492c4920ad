"""What the criterions over target tokens share: which tokens count, how logits come about, what is reported."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from seqtrain.base import (
    Batch,
    Criterion,
    FeatureModel,
    LinearlyProjected,
    LossOutput,
    Model,
    Sum,
    TaskInfo,
    logits_of,
)
from seqtrain.config import CriterionConfig, ModelConfig
from seqtrain.errors import PluginError
from seqtrain.fields import bounded
from seqtrain.nn.chunked_cross_entropy import (
    CrossEntropySums,
    Options,
    cross_entropy,
    projected_cross_entropy,
)
from seqtrain.nn.linear_cross_entropy import linear_cross_entropy


@dataclass
class TargetTokenConfig(CriterionConfig):
    """What the criterions over target tokens have in common."""

    z_loss: float = bounded(0.0, at_least=0)
    """Coefficient of the z-loss, log(Z)^2 of each token, which keeps logits from drifting; PaLM has 1e-4."""

    def contradictions_with(self, model: ModelConfig) -> Iterable[str]:
        """The z-loss is for logits that can drift: of log-probabilities it is 0."""
        yield from super().contradictions_with(model)
        if self.z_loss and model.is_normalized:
            yield (
                f"criterion.z_loss={self.z_loss:g} keeps logits from drifting, but model={model._name} gives "
                "log-probabilities, as any model with an adaptive softmax, and these cannot: set criterion.z_loss=0"
            )


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


class TargetTokenCriterion(Criterion):
    """Cross-entropy of the target tokens; of a model that projects features, logits are never held whole.

    Reports ``loss`` and the unsmoothed ``nll_loss``, per token; where the options have them, ``accuracy`` and
    ``z_loss``, which is in ``loss``.

    Args:
        cfg: the criterion's config.
        task: gives the padding.
        options: label smoothing, z-loss, and what to count.
        ignore_prefix_size: target tokens at the start of each sentence that do not count.
    """

    def __init__(
        self, cfg: CriterionConfig, task: TaskInfo, options: Options = Options(), ignore_prefix_size: int = 0
    ) -> None:
        super().__init__(cfg, task)
        self.sentence_avg = cfg.sentence_avg
        self.pad = task.target_dictionary.pad
        self.options = options
        self.ignore_prefix_size = ignore_prefix_size

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""
        tokens = self.tokens_of(batch)
        return self.output(target_cross_entropy(model, batch, tokens, self.options), batch, tokens)

    def tokens_of(self, batch: Batch) -> TargetTokens:
        """Return the target tokens of a batch that count."""
        return TargetTokens(batch, self.pad, self.ignore_prefix_size)

    def output(self, sums: CrossEntropySums, batch: Batch, tokens: TargetTokens) -> LossOutput:
        """Return the loss of a batch with its metrics, each a sum over ``tokens``."""
        values = {"loss": sums.loss.detach(), "nll_loss": sums.nll}
        if self.options.count_correct:
            values["accuracy"] = sums.correct
        if self.options.z_loss:
            values["z_loss"] = sums.z_loss
        metrics = {name: Sum(value, tokens.number) for name, value in values.items()}
        return LossOutput(sums.loss, batch.nsentences if self.sentence_avg else tokens.number, metrics)


class Projected(NamedTuple):
    """What the logits of N tokens are made of, so that no more of them than a chunk need be held."""

    features: Tensor
    """Features (N, D); the logits (N, V) of a model that gives no features."""
    project: Callable[[Tensor], Tensor]
    """Takes rows of features to their logits."""


def projected(model: Model, batch: Batch, tokens: TargetTokens) -> Projected:
    """Run the model on a batch and return what the logits of ``tokens`` are made of."""
    if isinstance(model, FeatureModel):
        return Projected(tokens.select(model.extract_features(**batch.net_input)), model.project)
    return Projected(tokens.select(logits_of(model(**batch.net_input))), lambda logits: logits)


def target_cross_entropy(model: Model, batch: Batch, tokens: TargetTokens, options: Options) -> CrossEntropySums:
    """Return the sums over ``tokens``; the logits of a model that projects features are never held whole."""
    return cross_entropy_of_projected(model, projected(model, batch, tokens), tokens, options)


def cross_entropy_of_projected(
    model: Model, given: Projected, tokens: TargetTokens, options: Options
) -> CrossEntropySums:
    """Return the sums over ``tokens`` of what a model has given for them."""
    features, project = given
    if not isinstance(model, FeatureModel):
        return cross_entropy(features, tokens.target, options)
    if weights := projection_weights(model):
        return linear_cross_entropy(features, *weights, tokens.target, options)
    return projected_cross_entropy(project, features, tokens.target, options)


def projection_weights(model: Model) -> tuple[Tensor, Tensor | None] | None:
    """Return the weight (V, D) and the bias (V,) of a model that projects linearly."""
    if isinstance(model, LinearlyProjected) and is_as_new_as_project(model, "projection_weights"):
        return model.projection_weights()
    return None


def is_as_new_as_project(model: Model, method: str) -> bool:
    """Whether a method that says what ``project`` does is as new: a subclass may have changed the latter alone."""
    newest = next(cls for cls in type(model).__mro__ if {"project", method} & vars(cls).keys())
    return method in vars(newest)
