"""What optimizers with two running means share: their betas, and torch's AdamW."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, WeightDecayConfig
from seqtrain.optimizers._groups import fused


@dataclass
class TwoBetasConfig(WeightDecayConfig):
    """Settings of optimizers that keep running means of the gradient and of its square."""

    lr: float = bounded(1e-3, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    betas: list[float] = bounded([0.9, 0.999], at_least=0, below=1)
    """Two shares that the running means of the gradient and of its square keep at an update."""
    eps: float = bounded(1e-8, above=0)
    """Added to the root of the mean square, against division by zero."""

    def contradictions(self) -> Iterable[str]:
        """There are two betas."""
        yield from two_of("optimizer.betas", self.betas)


def two_of(key: str, numbers: Sequence[float]) -> Iterable[str]:
    """Say what is wrong with a list if it has not two numbers."""
    if len(numbers) != 2:
        yield f"{key}={numbers} must be two numbers"


def adamw(groups: list[ParameterGroup], betas: Sequence[float], eps: float, weight_decay: float) -> torch.optim.AdamW:
    """Return ``torch.optim.AdamW``, fused where torch can."""
    beta1, beta2 = betas
    return torch.optim.AdamW(groups, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, fused=fused(groups))
