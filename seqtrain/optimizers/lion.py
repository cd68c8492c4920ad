"""Lion: the sign of an interpolated momentum."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig, register_optimizer
from seqtrain.optimizers._adam import two_of
from seqtrain.optimizers._foreach import ForeachOptimizer, State


@dataclass
class LionConfig(WeightDecayConfig):
    """Settings of ``lion``."""

    lr: float = bounded(1e-4, at_least=0)
    """Learning rate, the peak that the scheduler starts from; 3 to 10 times smaller than AdamW's."""
    betas: list[float] = bounded([0.9, 0.99], at_least=0, below=1)
    """Shares of the earlier momentum: in the direction of an update, and in the momentum that is kept."""

    def contradictions(self) -> Iterable[str]:
        """There are two betas."""
        yield from two_of("optimizer.betas", self.betas)


@register_optimizer("lion", LionConfig)
class Lion(TorchOptimizer):
    r"""Lion (Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2).

    With the gradient g and the momentum m, a parameter moves by
    :math:`-r\,(\text{sign}(\beta_1 m + (1 - \beta_1) g) + \lambda p)`; then :math:`m \leftarrow
    \beta_2 m + (1 - \beta_2) g`. Every entry moves by the rate, so that rates are smaller than AdamW's, and weight
    decay is larger by the same factor.
    """

    cfg: LionConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the update by the paper's formula."""
        return _Lion(groups, {"betas": tuple(self.cfg.betas), "weight_decay": self.cfg.weight_decay})


class _Lion(ForeachOptimizer):
    def begin(self, parameter: Tensor) -> State:
        return {"exp_avg": torch.zeros_like(parameter)}

    def update(
        self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        beta1, beta2 = group["betas"]
        momenta = [state["exp_avg"] for state in states]
        directions = torch._foreach_lerp(momenta, gradients, 1 - beta1)
        torch._foreach_sign_(directions)
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, directions, alpha=-group["lr"])
        torch._foreach_lerp_(momenta, gradients, 1 - beta2)
