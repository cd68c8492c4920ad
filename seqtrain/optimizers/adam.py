"""Adam with decoupled weight decay."""

from dataclasses import dataclass, field

import torch

from seqtrain.config import check_at_least
from seqtrain.errors import ConfigError
from seqtrain.optimizers import OptimizerConfig, TorchOptimizer, register_optimizer
from seqtrain.optimizers._torch import ParameterGroup

FUSED_DEVICES = ("cpu", "cuda", "mps")
"""Where torch updates all parameters of a group in one pass."""


@dataclass
class AdamConfig(OptimizerConfig):
    """Settings of ``adam``."""

    lr: float = 1e-3
    """Learning rate, the peak that the scheduler starts from."""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    """Shares, each in [0, 1), that the running means of the gradient and of its square keep at an update."""
    eps: float = 1e-8
    """Added to the root of the mean square, against division by zero; above 0."""
    weight_decay: float = 0.0
    """Share of a parameter, times the rate, that an update takes away, apart from the gradient (AdamW); at least 0."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range.
        """
        check_at_least("optimizer", self, lr=0, weight_decay=0)
        if not self.eps > 0:
            raise ConfigError(f"optimizer.eps={self.eps} must be above 0")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"optimizer.betas={self.betas} must be two numbers, each at least 0 and below 1")


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
