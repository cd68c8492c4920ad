"""Adadelta: updates in the unit of the parameters, by running means of squares."""

from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig, register_optimizer


@dataclass
class AdadeltaConfig(WeightDecayConfig):
    """Settings of ``adadelta``."""

    lr: float = bounded(1.0, at_least=0)
    """Factor on the update, the peak that the scheduler starts from; the paper has none."""
    rho: float = bounded(0.9, at_least=0, below=1)
    """Share that the running means of squared gradients and of squared updates keep."""
    eps: float = bounded(1e-6, above=0)
    """Added to both means of squares: it says how large the first updates are."""
    weight_decay: float = bounded(0.0, at_least=0)
    """Factor on the parameters that is added to their gradients (L2 regularisation)."""


@register_optimizer("adadelta", AdadeltaConfig)
class Adadelta(TorchOptimizer):
    """Adadelta (Zeiler, arXiv 1212.5701, algorithm 1).

    With the running means v of g^2 and u of d^2, an update is d = g sqrt(u + eps) / sqrt(v + eps) and p <- p - r d.
    """

    cfg: AdadeltaConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.Adadelta``."""
        return torch.optim.Adadelta(groups, rho=self.cfg.rho, eps=self.cfg.eps, weight_decay=self.cfg.weight_decay)
