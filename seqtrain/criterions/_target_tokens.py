"""What the criterions over target tokens share: which tokens count, how logits come about, what is reported."""

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
from seqtrain.config import CriterionConfig
from seqtrain.errors import PluginError
from seqtrain.nn.chunked_cross_entropy import (
    CrossEntropySums,
    Options,
    cross_entropy,
    linear_cross_entropy,
    projected_cross_entropy,
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

    Reports ``loss`` and the unsmoothed ``nll_loss``, per token, and ``accuracy`` if the options count it.

    Args:
        cfg: the criterion's config.
        task: gives the padding.
        options: label smoothing and what to count.
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
        tokens = TargetTokens(batch, self.pad, self.ignore_prefix_size)
        sums = self.sums(model, batch, tokens)
        metrics = {"loss": Sum(sums.loss.detach(), tokens.number), "nll_loss": Sum(sums.nll, tokens.number)}
        if self.options.count_correct:
            metrics["accuracy"] = Sum(sums.correct, tokens.number)
        return LossOutput(sums.loss, batch.nsentences if self.sentence_avg else tokens.number, metrics)

    def sums(self, model: Model, batch: Batch, tokens: TargetTokens) -> CrossEntropySums:
        """Return the sums over the tokens that count."""
        return target_cross_entropy(model, batch, tokens, self.options)


def target_cross_entropy(model: Model, batch: Batch, tokens: TargetTokens, options: Options) -> CrossEntropySums:
    """Return the sums over ``tokens``; the logits of a model that projects features are never held whole."""
    if not isinstance(model, FeatureModel):
        logits = logits_of(model(**batch.net_input))
        return cross_entropy(tokens.select(logits), tokens.target, options)
    features = tokens.select(model.extract_features(**batch.net_input))
    if weights := projection_weights(model):
        return linear_cross_entropy(features, *weights, tokens.target, options)
    return projected_cross_entropy(model.project, features, tokens.target, options)


def projection_weights(model: Model) -> tuple[Tensor, Tensor | None] | None:
    """Return the weight (V, D) and the bias (V,) of a model that projects linearly."""
    if isinstance(model, LinearlyProjected) and is_as_new_as_project(model, "projection_weights"):
        return model.projection_weights()
    return None


def is_as_new_as_project(model: Model, method: str) -> bool:
    """Whether a method that says what ``project`` does is as new: a subclass may have changed the latter alone."""
    newest = next(cls for cls in type(model).__mro__ if {"project", method} & vars(cls).keys())
    return method in vars(newest)
