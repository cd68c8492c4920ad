"""Adam with decoupled weight decay."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import OptimizerConfig, TorchOptimizer, register_optimizer
from seqtrain.optimizers._torch import ParameterGroup

FUSED_DEVICES = ("cpu", "cuda", "mps")
"""Where torch updates all parameters of a group in one pass."""


@dataclass
class AdamConfig(OptimizerConfig):
    """Settings of ``adam``."""

    lr: float = bounded(1e-3, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    betas: list[float] = bounded([0.9, 0.999], at_least=0, below=1)
    """Two shares that the running means of the gradient and of its square keep at an update."""
    eps: float = bounded(1e-8, above=0)
    """Added to the root of the mean square, against division by zero."""
    weight_decay: float = bounded(0.0, at_least=0)
    """Share of a parameter, times the rate, that an update takes away, apart from the gradient (AdamW)."""

    def contradictions(self) -> Iterable[str]:
        """There are two betas."""
        if len(self.betas) != 2:
            yield f"optimizer.betas={self.betas} must be two numbers"


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
        beta1, beta2 = self.cfg.betas
        return torch.optim.AdamW(
            groups,
            betas=(beta1, beta2),
            eps=self.cfg.eps,
            weight_decay=self.cfg.weight_decay,
            fused=all(p.device.type in FUSED_DEVICES for group in groups for p in group["params"]),
        )
