"""Cross-entropy of the target tokens by the choices of an adaptive softmax (Grave et al., 2017)."""

from dataclasses import dataclass

import torch

from seqtrain.base import AdaptivelyProjected, Choice, FeatureModel
from seqtrain.criterions import Batch, CriterionConfig, Model, TargetTokenCriterion, register_criterion
from seqtrain.criterions._target_tokens import TargetTokens, is_as_new_as_project
from seqtrain.errors import ConfigError
from seqtrain.nn.chunked_cross_entropy import CrossEntropySums, linear_cross_entropy


@dataclass
class AdaptiveLossConfig(CriterionConfig):
    """Settings of ``adaptive_loss``."""


@register_criterion("adaptive_loss", AdaptiveLossConfig)
class AdaptiveLoss(TargetTokenCriterion):
    """What ``cross_entropy`` gives for a model with an adaptive softmax, without the other symbols' probabilities.

    Rare symbols cost nothing but where they are the target. Reports ``loss`` and ``nll_loss``, per token.
    """

    def sums(self, model: Model, batch: Batch, tokens: TargetTokens) -> CrossEntropySums:
        """Return the sums over the tokens that count.

        Raises:
            ConfigError: the model has no adaptive softmax.
        """
        choices = _choices(model, batch, tokens)
        losses = [linear_cross_entropy(c.features, c.weight, None, c.target, self.options).loss for c in choices]
        loss = torch.stack(losses).sum()
        return CrossEntropySums(loss, loss.detach(), torch.zeros_like(loss), torch.zeros_like(loss))


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
        f"criterion=adaptive_loss is for models with an adaptive softmax, and this {type(model).__name__} has none: "
        "set model.adaptive_softmax_cutoff=[...] if the model has that field, or criterion=cross_entropy"
    )
