"""Muon: orthogonal updates for the matrices within layers; AdamW for all else."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from seqtrain.config import wrong_patterns
from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig, register_optimizer
from seqtrain.optimizers._adam import adamw, two_of


class AdjustRate(str, Enum):
    """How the rate of a matrix follows from its shape."""

    match_rms_adamw = "match_rms_adamw"
    original = "original"


@dataclass
class MuonConfig(WeightDecayConfig):
    """Settings of ``muon``."""

    lr: float = bounded(1e-3, at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    momentum: float = bounded(0.95, at_least=0, below=1)
    """Share that the running mean of the gradients keeps at an update."""
    nesterov: bool = True
    """Take the gradient as if the momentum had moved the parameters already."""
    weight_decay: float = bounded(0.1, at_least=0)
    """Share of a parameter, times the rate, that an update takes away, apart from the gradient."""
    newton_schulz_rounds: int = bounded(5, at_least=1, below=100)
    """Rounds of the approximation that makes an update orthogonal."""
    adjust_rate: AdjustRate = AdjustRate.match_rms_adamw
    """With A rows and B columns: match_rms_adamw 0.2 sqrt(max(A, B)), a rate as of AdamW; original sqrt(max(1, A / B)).
    """
    adamw_pattern: str = "embed|output_projection"
    """Regular expression; matrices whose name it is found in are AdamW's too, as all that are no matrices."""
    adamw_lr_scale: float = bounded(1.0, at_least=0)
    """Factor on the rate of what is AdamW's."""
    adamw_betas: list[float] = bounded([0.9, 0.95], at_least=0, below=1)
    """AdamW's betas."""
    adamw_eps: float = bounded(1e-8, above=0)
    """AdamW's epsilon."""

    def contradictions(self) -> Iterable[str]:
        """There are two betas, and the pattern is one."""
        yield from two_of("optimizer.adamw_betas", self.adamw_betas)
        yield from wrong_patterns("optimizer.adamw_pattern", [self.adamw_pattern])


@register_optimizer("muon", MuonConfig)
class Muon(TorchOptimizer):
    r"""Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024), and AdamW for the rest.

    A matrix moves by :math:`-r\,a\,O`, where O is about the orthogonal matrix nearest to the momentum, found by the
    quintic Newton-Schulz iteration in bf16, and a follows from its shape: by default so that updates are as large as
    AdamW's and one rate and decay serve both (Liu et al., "Muon is scalable for LLM training", 2025, section 2.2).
    Embeddings, the output projection, and what is no matrix are updated by AdamW. A weight that packs several
    matrices, as queries, keys and values or a gated feed-forward network's first layer, is made orthogonal as one.
    """

    cfg: MuonConfig

    def settings(self, name: str, parameter: nn.Parameter) -> Mapping[str, Any]:
        """Return whether a parameter is a matrix within a layer; what is AdamW's has another rate."""
        return {"is_hidden": parameter.ndim == 2 and not re.search(self.cfg.adamw_pattern, name)}

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return ``torch.optim.Muon`` and ``torch.optim.AdamW`` as one, as far as there is something for each."""
        cfg = self.cfg
        hidden = [group for group in groups if group["is_hidden"]]
        others = [_scaled(group, cfg.adamw_lr_scale) for group in groups if not group["is_hidden"]]
        parts: list[torch.optim.Optimizer] = []
        if hidden:
            parts.append(
                torch.optim.Muon(
                    hidden,
                    momentum=cfg.momentum,
                    nesterov=cfg.nesterov,
                    weight_decay=cfg.weight_decay,
                    ns_steps=cfg.newton_schulz_rounds,
                    adjust_lr_fn=cfg.adjust_rate.value,
                )
            )
        if others:
            parts.append(adamw(others, cfg.adamw_betas, cfg.adamw_eps, cfg.weight_decay))
        return _Joined(parts)


def _scaled(group: ParameterGroup, scale: float) -> ParameterGroup:
    return {**group, "lr": group["lr"] * scale, "lr_scale": group["lr_scale"] * scale}


class _Joined(torch.optim.Optimizer):
    """Several optimizers of ``torch.optim``, of other parameters each, that look like one."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts
        self.defaults = parts[0].defaults
        self.param_groups = list(itertools.chain.from_iterable(part.param_groups for part in parts))
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        for part in parts:
            part.state = self.state

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure here
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)
