"""Cross-entropy of the target tokens by the choices of an adaptive softmax (Grave et al., 2017)."""

from dataclasses import dataclass

import torch

from seqtrain.base import AdaptivelyProjected, Choice, FeatureModel
from seqtrain.criterions import Batch, CriterionConfig, LossOutput, Model, TargetTokenCriterion, register_criterion
from seqtrain.criterions._target_tokens import TargetTokens, is_as_new_as_project
from seqtrain.errors import ConfigError
from seqtrain.nn.chunked_cross_entropy import CrossEntropySums
from seqtrain.nn.ensemble import Ensemble
from seqtrain.nn.linear_cross_entropy import linear_cross_entropy
from seqtrain.registry import choice_of


@dataclass
class AdaptiveLossConfig(CriterionConfig):
    """Settings of ``adaptive_loss``."""


@register_criterion("adaptive_loss", AdaptiveLossConfig)
class AdaptiveLoss(TargetTokenCriterion):
    """What ``cross_entropy`` gives for a model with an adaptive softmax, without the other symbols' probabilities.

    Rare symbols cost nothing but where they are the target. Reports ``loss`` and ``nll_loss``, per token.
    """

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats; of an ensemble by the probabilities of all symbols.

        Raises:
            ConfigError: the model has no adaptive softmax.
        """
        if isinstance(model, Ensemble):
            return super().forward(model, batch)
        tokens = self.tokens_of(batch)
        choices = _choices(model, batch, tokens)
        sums = [linear_cross_entropy(c.features, c.weight, None, c.target, self.options) for c in choices]
        return self.output(
            CrossEntropySums(*(torch.stack(parts).sum() for parts in zip(*sums, strict=True))), batch, tokens
        )


def _choices(model: Model, batch: Batch, tokens: TargetTokens) -> list[Choice]:
    if (
        isinstance(model, FeatureModel)
        and isinstance(model, AdaptivelyProjected)
        and is_as_new_as_project(model, "adaptive_choices")
    ):
        features = tokens.select(model.extract_features(**batch.net_input))
        if (choices := model.adaptive_choices(features, tokens.target)) is not None:
            return choices
    raise ConfigError(
        f"criterion=adaptive_loss is for models with an adaptive softmax, and {choice_of(model)} has none: "
        "set model.adaptive_softmax_cutoff=[...] if the model has that field, or criterion=cross_entropy"
    )
