"""Adafactor: Adam's mean of squares from row and column means, and updates of a limited size."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig, register_optimizer
from seqtrain.optimizers._adam import two_of
from seqtrain.optimizers._foreach import ForeachOptimizer, State
from seqtrain.optimizers._groups import is_vector


@dataclass
class AdafactorConfig(WeightDecayConfig):
    """Settings of ``adafactor``."""

    lr: float = bounded(1e-3, at_least=0)
    """Learning rate, the peak that the scheduler starts from; with ``relative_step`` a factor on it, 1."""
    eps: list[float] = bounded([1e-30, 1e-3], above=0)
    """What is added to squared gradients, and the least size of a parameter for ``scale_parameter``."""
    clip_threshold: float = bounded(1.0, above=0)
    """Root mean square that an update, before the rate, is limited to."""
    decay_rate: float = bounded(-0.8, below=0)
    """A new square has the share t ** decay_rate of the running mean at update t."""
    beta1: float | None = bounded(None, at_least=0, below=1)
    """Share that a running mean of the updates keeps; null keeps none, and needs no memory."""
    scale_parameter: bool = False
    """Multiply the rate by the root mean square of the parameter."""
    relative_step: bool = False
    """Take min(0.01, 1 / sqrt(t)) as the rate at update t; a schedule multiplies it."""
    warmup_init: bool = False
    """With ``relative_step``: min(1e-6 t, 1 / sqrt(t))."""

    def contradictions(self) -> Iterable[str]:
        """There are two epsilons, and it is clear what says the rate."""
        yield from two_of("optimizer.eps", self.eps)
        if self.warmup_init and not self.relative_step:
            yield "optimizer.warmup_init=true needs optimizer.relative_step=true, whose first rates it lowers"
        if self.relative_step and self.lr not in (0, 1):
            yield f"optimizer.relative_step=true says the rate, and optimizer.lr={self.lr} multiplies it: set lr to 1"


@register_optimizer("adafactor", AdafactorConfig)
class Adafactor(TorchOptimizer):
    r"""Adafactor (Shazeer & Stern, ICML 2018, algorithms 4 and 5), with fairseq's settings.

    Of a matrix G of gradients, the means over rows R and columns C of :math:`G^2 + \epsilon_1` are kept, with a share
    of :math:`t^{\text{decay\_rate}}` for the new ones; :math:`\hat V = R C / \text{mean}(R)`. The update
    :math:`U = G / \sqrt{\hat V}` is divided by :math:`\max(1, \text{RMS}(U) / d)`. Vectors keep their mean squares.

    ``torch.optim.Adafactor`` always multiplies the rate by the parameter's size and takes the least of it and
    :math:`1 / \sqrt t`, and has no running mean of updates: fairseq's default, a rate from a schedule, cannot be said.
    """

    cfg: AdafactorConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the update by the paper's formula."""
        return _Adafactor(groups, self.cfg)


class _Adafactor(ForeachOptimizer):
    def __init__(self, groups: list[ParameterGroup], cfg: AdafactorConfig) -> None:
        super().__init__(groups, {"weight_decay": cfg.weight_decay})
        self.cfg = cfg

    def begin(self, parameter: Tensor) -> State:
        state: State = {"step": 0}
        if is_vector(parameter):
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        else:
            state["exp_avg_sq_row"] = parameter.new_zeros(parameter.shape[:-1])
            state["exp_avg_sq_col"] = parameter.new_zeros(parameter.shape[:-2] + parameter.shape[-1:])
        return state if self.cfg.beta1 is None else {**state, "exp_avg": torch.zeros_like(parameter)}

    def update(
        self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        for state in states:
            state["step"] += 1
        updates = self._limited_updates(gradients, states)
        rates = self._rates(group["lr"], parameters, states)
        torch._foreach_mul_(updates, rates)
        if self.cfg.beta1 is not None:
            means = [state["exp_avg"] for state in states]
            torch._foreach_lerp_(means, updates, 1 - self.cfg.beta1)
            updates = means
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, [1 - group["weight_decay"] * rate for rate in rates])
        torch._foreach_sub_(parameters, updates)

    def _limited_updates(self, gradients: list[Tensor], states: list[State]) -> list[Tensor]:
        """Return the gradients over the roots of their mean squares, limited in size."""
        squares = torch._foreach_mul(gradients, gradients)
        torch._foreach_add_(squares, self.cfg.eps[0])
        shares = [state["step"] ** self.cfg.decay_rate for state in states]
        updates = [_inverse_root(*one) for one in zip(squares, shares, states, strict=True)]
        torch._foreach_mul_(updates, gradients)
        limits = [(size / self.cfg.clip_threshold).clamp(min=1.0) for size in _sizes(updates)]
        torch._foreach_div_(updates, limits)
        return updates

    def _rates(self, lr: float, parameters: list[Tensor], states: list[State]) -> list[Any]:
        """Return the rate of each parameter at its update, numbers or scalars."""
        rates = [lr * self._relative(state["step"]) for state in states]
        if not self.cfg.scale_parameter:
            return rates
        sizes = _sizes(parameters)
        return [size.clamp(min=self.cfg.eps[1]) * rate for rate, size in zip(rates, sizes, strict=True)]

    def _relative(self, step: int) -> float:
        """Return the factor on the rate at an update, from 1."""
        if not self.cfg.relative_step:
            return 1.0
        return min(1e-6 * step if self.cfg.warmup_init else 1e-2, 1 / math.sqrt(step))


def _inverse_root(square: Tensor, share: float, state: State) -> Tensor:
    """Go on with the running means of squares, and return one over their root."""
    if "exp_avg_sq" in state:
        vector: Tensor = state["exp_avg_sq"]
        return vector.lerp_(square, share).rsqrt()
    row: Tensor = state["exp_avg_sq_row"].lerp_(square.mean(-1), share)
    column: Tensor = state["exp_avg_sq_col"].lerp_(square.mean(-2), share)
    return (row / row.mean(-1, keepdim=True)).rsqrt().unsqueeze(-1) * column.rsqrt().unsqueeze(-2)


def _sizes(tensors: list[Tensor]) -> list[Tensor]:
    """Return the root mean square of each tensor, scalars."""
    norms = torch._foreach_norm(tensors)
    return [norm / tensor.numel() ** 0.5 for norm, tensor in zip(norms, tensors, strict=True)]
