"""The base of optimizers around a class of ``torch.optim`` that would add weight decay to the gradient."""

from abc import abstractmethod

import torch

from seqtrain.optimizers import ParameterGroup, TorchOptimizer, WeightDecayConfig


class DecoupledDecayOptimizer(TorchOptimizer):
    """Takes weight decay off the parameters before an update, as AdamW does: p <- p - r lambda p.

    Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019; fairseq's ``nag`` and ``adamax`` do so.
    """

    cfg: WeightDecayConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return torch's optimizer, whose own decay is 0."""
        for group in groups:
            group["decoupled_decay"] = group.get("weight_decay", self.cfg.weight_decay)
        return self.undecayed([{**group, "weight_decay": 0.0} for group in groups])

    @abstractmethod
    def undecayed(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the optimizer of ``torch.optim`` for these groups, which set its weight decay to 0."""

    @torch.no_grad()
    def step(self) -> None:
        """Decay and update the parameters that have a gradient."""
        for group in self.optimizer.param_groups:
            decay = group["lr"] * group["decoupled_decay"]
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if decay and parameters:
                torch._foreach_mul_(parameters, 1 - decay)
        super().step()
