"""Adam with decoupled weight decay, of all parameters."""

from dataclasses import dataclass

import torch

from seqtrain.optimizers import ParameterGroup, TorchOptimizer, register_optimizer
from seqtrain.optimizers._adam import TwoBetasConfig, adamw


@dataclass
class AdamConfig(TwoBetasConfig):
    """Settings of ``adam``."""

    decay_biases_and_norms: bool = True
    """Decay vectors too: the biases, and the gains of normalisations. fairseq's ``adam`` does, ``adamw`` does not."""


@register_optimizer("adam", AdamConfig)
class Adam(TorchOptimizer):
    r"""Adam (Kingma & Ba, ICLR 2015, algorithm 1) with decoupled weight decay (Loshchilov & Hutter, ICLR 2019).

    At its update t a parameter moves by :math:`-r\,(\hat m_t / (\sqrt{\hat v_t} + \epsilon) + \lambda p)`, where
    :math:`\hat m_t = m_t / (1 - \beta_1^t)` and :math:`\hat v_t = v_t / (1 - \beta_2^t)`.

    fairseq's ``adam`` differs in one thing: it adds epsilon to the uncorrected root :math:`\sqrt{v_t}`, as section 2
    of the paper proposes for speed, which is an epsilon of :math:`\epsilon / \sqrt{1 - \beta_2^t}` here: 7 times larger
    at the first update with a :math:`\beta_2` of 0.98, and the same before long.
    """

    cfg: AdamConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.AdamW``, fused where torch can."""
        return adamw(groups, self.cfg.betas, self.cfg.eps, self.cfg.weight_decay)
