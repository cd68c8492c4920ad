"""Adagrad: a rate for each entry that falls with the squares of its gradients."""

from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig, register_optimizer
from seqtrain.optimizers._groups import fused


@dataclass
class AdagradConfig(WeightDecayConfig):
    """Settings of ``adagrad``."""

    lr: float = bounded(1e-2, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    weight_decay: float = bounded(0.0, at_least=0)
    """Factor on the parameters that is added to their gradients (L2 regularisation)."""
    initial_accumulator_value: float = bounded(0.0, at_least=0)
    """What the sum of squares begins with."""
    eps: float = bounded(1e-10, above=0)
    """Added to the root of the sum of squares, against division by zero."""


@register_optimizer("adagrad", AdagradConfig)
class Adagrad(TorchOptimizer):
    """Adagrad (Duchi et al., JMLR 2011, figure 1 with the diagonal matrix).

    With the gradient g and the sum of squares s, an update is s <- s + g^2 and p <- p - r g / (sqrt(s) + eps).
    """

    cfg: AdagradConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.Adagrad``, fused on a CPU."""
        return torch.optim.Adagrad(
            groups,
            weight_decay=self.cfg.weight_decay,
            initial_accumulator_value=self.cfg.initial_accumulator_value,
            eps=self.cfg.eps,
            fused=fused(groups, ["cpu"]),
        )
