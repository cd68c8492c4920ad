"""Adamax: Adam by the infinity norm."""

from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, register_optimizer
from seqtrain.optimizers._adam import TwoBetasConfig
from seqtrain.optimizers._decoupled import DecoupledDecayOptimizer


@dataclass
class AdamaxConfig(TwoBetasConfig):
    """Settings of ``adamax``."""

    lr: float = bounded(2e-3, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    betas: list[float] = bounded([0.9, 0.999], at_least=0, below=1)
    """Shares that the running mean of the gradient and its running maximum keep at an update."""
    eps: float = bounded(1e-8, above=0)
    """Added to the gradient's absolute value, against division by zero."""


@register_optimizer("adamax", AdamaxConfig)
class Adamax(DecoupledDecayOptimizer):
    r"""Adamax (Kingma & Ba, "Adam", ICLR 2015, algorithm 2) with decoupled weight decay.

    At its update t a parameter moves by :math:`-r\,(\hat m_t / u_t + \lambda p)`, where
    :math:`\hat m_t = m_t / (1 - \beta_1^t)` and :math:`u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)`. fairseq adds
    epsilon to :math:`u_t` instead, which makes no difference but for gradients as small as epsilon.
    """

    cfg: AdamaxConfig

    def undecayed(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.Adamax``."""
        beta1, beta2 = self.cfg.betas
        return torch.optim.Adamax(groups, betas=(beta1, beta2), eps=self.cfg.eps)
