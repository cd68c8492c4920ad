"""AdamW: Adam with decoupled weight decay, of matrices only."""

from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, register_optimizer
from seqtrain.optimizers._adam import TwoBetasConfig, adamw


@dataclass
class AdamWConfig(TwoBetasConfig):
    """Settings of ``adamw``."""

    weight_decay: float = bounded(0.01, at_least=0)
    """Share of a parameter, times the rate, that an update takes away, apart from the gradient."""


@register_optimizer("adamw", AdamWConfig)
class AdamW(TorchOptimizer):
    """AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2).

    The update is that of ``adam``; by default there is a decay, and it leaves out biases and normalisations.
    """

    cfg: AdamWConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.AdamW``, fused where torch can."""
        return adamw(groups, self.cfg.betas, self.cfg.eps, self.cfg.weight_decay)
