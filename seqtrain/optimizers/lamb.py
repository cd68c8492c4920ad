"""LAMB: Adam with an update as large as the parameter it is for, for large batches."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, register_optimizer
from seqtrain.optimizers._adam import TwoBetasConfig
from seqtrain.optimizers._foreach import ForeachOptimizer, State
from seqtrain.optimizers._groups import is_vector


@dataclass
class LAMBConfig(TwoBetasConfig):
    """Settings of ``lamb``."""

    eps: float = bounded(1e-6, above=0)
    """Added to the root of the mean square, against division by zero."""
    weight_decay: float = bounded(0.01, at_least=0)
    """Share of a parameter that is part of its update, before the update is brought to the parameter's size."""
    adapt_biases_and_norms: bool = False
    """Bring the updates of vectors too to the size of these; else they are those of AdamW."""


@register_optimizer("lamb", LAMBConfig)
class LAMB(TorchOptimizer):
    r"""LAMB (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020).

    Algorithm 2, with the identity for :math:`\phi`: at its update t a parameter moves by
    :math:`-r\,\frac{\|p\|}{\|u\|} u` with :math:`u = \hat m_t / (\sqrt{\hat v_t} + \epsilon) + \lambda p`, and by
    :math:`-r\,u` where either norm is 0. As in the authors' runs, biases and normalisations move by :math:`-r\,u`.
    The gradient is not clipped here; ``training.clip_norm`` does that.
    """

    cfg: LAMBConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the update by the paper's formula."""
        cfg = self.cfg
        defaults = {"betas": tuple(cfg.betas), "eps": cfg.eps, "weight_decay": cfg.weight_decay}
        return _LAMB(groups, {**defaults, "adapt_vectors": cfg.adapt_biases_and_norms})


class _LAMB(ForeachOptimizer):
    def begin(self, parameter: Tensor) -> State:
        return {"step": 0, "exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}

    def update(
        self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        updates = _adam_updates(group, gradients, states)
        if group["weight_decay"]:
            torch._foreach_add_(updates, parameters, alpha=group["weight_decay"])
        adapted = [n for n, p in enumerate(parameters) if group["adapt_vectors"] or not is_vector(p)]
        if adapted:
            chosen = [updates[n] for n in adapted]
            torch._foreach_mul_(chosen, _ratios([parameters[n] for n in adapted], chosen))
        torch._foreach_add_(parameters, updates, alpha=-group["lr"])


def _adam_updates(group: dict[str, Any], gradients: list[Tensor], states: list[State]) -> list[Tensor]:
    """Go on with the running means, and return their corrected quotients."""
    beta1, beta2 = group["betas"]
    means, squares = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
    for state in states:
        state["step"] += 1
    torch._foreach_lerp_(means, gradients, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, gradients, gradients, value=1 - beta2)
    roots = torch._foreach_div(squares, [1 - beta2 ** state["step"] for state in states])
    torch._foreach_sqrt_(roots)
    torch._foreach_add_(roots, group["eps"])
    updates = torch._foreach_div(means, [1 - beta1 ** state["step"] for state in states])
    torch._foreach_div_(updates, roots)
    return list(updates)


def _ratios(parameters: list[Tensor], updates: list[Tensor]) -> list[Tensor]:
    """Return the norm of each parameter by that of its update, 1 where one of them is 0; scalars."""
    norms = zip(torch._foreach_norm(parameters), torch._foreach_norm(updates), strict=True)
    return [torch.where((p > 0) & (u > 0), p / u, 1.0) for p, u in norms]
