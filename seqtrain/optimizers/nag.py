"""Nesterov's accelerated gradient, as fairseq has it."""

from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, WeightDecayConfig, register_optimizer
from seqtrain.optimizers._decoupled import DecoupledDecayOptimizer


@dataclass
class NAGConfig(WeightDecayConfig):
    """Settings of ``nag``."""

    lr: float = bounded(0.25, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    momentum: float = bounded(0.99, above=0, below=1)
    """Share that the running sum of gradients keeps at an update."""


@register_optimizer("nag", NAGConfig)
class NAG(DecoupledDecayOptimizer):
    """Nesterov's momentum (Sutskever et al., ICML 2013), with the rate outside of the sum, and decoupled weight decay.

    With the gradient g, the running sum b, the rate r and the momentum m, an update is b <- m b + g and
    p <- p - r (lambda p + g + m b).
    """

    cfg: NAGConfig

    def undecayed(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.SGD``; the fused one fails if some parameters get their first gradient after others."""
        return torch.optim.SGD(groups, momentum=self.cfg.momentum, nesterov=True)
