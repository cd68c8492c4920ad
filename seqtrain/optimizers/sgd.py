"""Stochastic gradient descent, plain or with momentum."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig, register_optimizer
from seqtrain.optimizers._groups import fused


@dataclass
class SGDConfig(WeightDecayConfig):
    """Settings of ``sgd``."""

    lr: float = bounded(0.1, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    momentum: float = bounded(0.0, at_least=0, below=1)
    """Share that the running sum of gradients keeps at an update; 0 goes by the last gradient alone."""
    weight_decay: float = bounded(0.0, at_least=0)
    """Factor on the parameters that is added to their gradients (L2 regularisation)."""
    nesterov: bool = False
    """Take the gradient as if the momentum had moved the parameters already; needs ``momentum``, no ``dampening``."""
    dampening: float = bounded(0.0, at_least=0, at_most=1)
    """Share of each gradient that stays out of the running sum."""

    def contradictions(self) -> Iterable[str]:
        """Nesterov's look ahead needs a momentum, undamped."""
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            yield "optimizer.nesterov=true needs an optimizer.momentum above 0 and optimizer.dampening=0"


@register_optimizer("sgd", SGDConfig)
class SGD(TorchOptimizer):
    """Stochastic gradient descent; with ``nesterov`` that of ``nag``.

    With the gradient g, the running sum b and the rate r, an update is b <- momentum b + (1 - dampening) g and
    p <- p - r b, or with ``nesterov`` p <- p - r (g + momentum b): Sutskever et al., "On the importance of
    initialization and momentum in deep learning", ICML 2013, with the rate outside of the sum.
    """

    cfg: SGDConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.SGD``, fused where torch can.

        With a momentum the fused one fails if some parameters get their first gradient after others.
        """
        return torch.optim.SGD(
            groups,
            momentum=self.cfg.momentum,
            weight_decay=self.cfg.weight_decay,
            nesterov=self.cfg.nesterov,
            dampening=self.cfg.dampening,
            fused=None if self.cfg.momentum else fused(groups),
        )
