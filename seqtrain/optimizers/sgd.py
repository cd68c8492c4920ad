"""Stochastic gradient descent, plain or with momentum."""

from dataclasses import dataclass

import torch

from seqtrain.config import check_at_least
from seqtrain.errors import ConfigError
from seqtrain.optimizers import OptimizerConfig, TorchOptimizer, register_optimizer
from seqtrain.optimizers._torch import ParameterGroup


@dataclass
class SGDConfig(OptimizerConfig):
    """Settings of ``sgd``."""

    lr: float = 0.1
    """Learning rate, the peak that the scheduler starts from."""
    momentum: float = 0.0
    """Share, in [0, 1), that the running sum of gradients keeps at an update; 0 goes by the last gradient alone."""
    weight_decay: float = 0.0
    """Factor on the parameters that is added to their gradients (L2 regularisation), at least 0."""
    nesterov: bool = False
    """Take the gradient as if the momentum had moved the parameters already; needs ``momentum``, no ``dampening``."""
    dampening: float = 0.0
    """Share, in [0, 1], of each gradient that stays out of the running sum."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range, or ``nesterov`` lacks what it needs.
        """
        check_at_least("optimizer", self, lr=0, weight_decay=0)
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"optimizer.momentum={self.momentum} must be at least 0 and below 1")
        if not 0 <= self.dampening <= 1:
            raise ConfigError(f"optimizer.dampening={self.dampening} must be from 0 to 1")
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ConfigError("optimizer.nesterov=true needs an optimizer.momentum above 0 and optimizer.dampening=0")


@register_optimizer("sgd", SGDConfig)
class SGD(TorchOptimizer):
    """Stochastic gradient descent; with ``nesterov`` what fairseq calls ``nag``.

    With the gradient g, the running sum b and the rate r, an update is b <- momentum b + (1 - dampening) g and
    p <- p - r b, or with ``nesterov`` p <- p - r (g + momentum b): Sutskever et al., "On the importance of
    initialization and momentum in deep learning", ICML 2013, with the rate outside of the sum.
    """

    cfg: SGDConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.SGD``."""
        return torch.optim.SGD(
            groups,
            momentum=self.cfg.momentum,
            weight_decay=self.cfg.weight_decay,
            nesterov=self.cfg.nesterov,
            dampening=self.cfg.dampening,
        )
