"""Schedule-free AdamW: an average of the parameters takes the place of a falling rate."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from schedulefree import AdamWScheduleFree
from torch import Tensor

from seqtrain.fields import bounded
from seqtrain.optimizers import ParameterGroup, TorchOptimizer, register_optimizer
from seqtrain.optimizers._adam import TwoBetasConfig


@dataclass
class ScheduleFreeAdamWConfig(TwoBetasConfig):
    """Settings of ``schedule_free_adamw``."""

    lr: float = bounded(2.5e-3, at_least=0)
    """Learning rate; ``lr_scheduler=fixed`` keeps it, with a warm-up by ``lr_scheduler.warmup_updates``."""
    betas: list[float] = bounded([0.9, 0.999], above=0, below=1)
    """How near to the average gradients are taken, and the share that the mean square keeps at an update."""
    r: float = bounded(0.0, at_least=0)
    """Update t has the weight t ** r in the average, times that of its rate."""
    weight_lr_power: float = bounded(2.0, at_least=0)
    """The weight in the average is the largest rate so far to this power."""

    def averages(self) -> bool:
        """It does."""
        return True


@register_optimizer("schedule_free_adamw", ScheduleFreeAdamWConfig)
class ScheduleFreeAdamW(TorchOptimizer):
    """Schedule-free AdamW (Defazio et al., "The road less scheduled", NeurIPS 2024), by the package ``schedulefree``.

    Three sequences: z moves by AdamW's updates, x is the weighted average of the z, and gradients are taken at
    y = beta1 x + (1 - beta1) z. The model holds y while it trains; what is validated and saved is x.
    """

    cfg: ScheduleFreeAdamWConfig
    optimizer: "_ScheduleFree"

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        """Return the package's optimizer, ready to train."""
        cfg = self.cfg
        beta1, beta2 = cfg.betas
        optimizer = _ScheduleFree(
            groups,
            betas=(beta1, beta2),
            eps=cfg.eps,
            weight_decay=cfg.weight_decay,
            r=cfg.r,
            weight_lr_power=cfg.weight_lr_power,
        )
        optimizer.train()
        return optimizer

    def train(self) -> None:
        """Let the model hold y, the parameters that training goes on with, to the last bit."""
        self.optimizer.train()

    def eval(self) -> None:
        """Let the model hold x, the average."""
        self.optimizer.eval()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a state; the model is to have y after the next :meth:`train`, whatever it holds now."""
        super().load_state_dict(state)
        self.optimizer.loaded()


class _ScheduleFree(AdamWScheduleFree):  # type: ignore[misc]  # the package has no types
    """The package's optimizer with all of its state in ``state``, and a y that no rounding changes.

    The package computes y from x and z and back, so that each validation would change it a little: a run that is
    stopped and resumed would not end as one that is not. And it counts updates in ``param_groups``.
    """

    NUMBERS = ("k", "weight_sum", "lr_max")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self._all():
            state = self.state[parameter]
            if "z" not in state:
                state.update(z=parameter.clone(), exp_avg_sq=torch.zeros_like(parameter), y=parameter.detach())
        super().step()
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter].update({key: group[key] for key in self.NUMBERS})

    @torch.no_grad()
    def eval(self) -> None:
        if self.param_groups[0]["train_mode"]:
            for parameter in self._with_state():
                self.state[parameter]["y"] = parameter.clone()
        super().eval()

    @torch.no_grad()
    def train(self) -> None:
        if self.param_groups[0]["train_mode"]:
            return
        for group in self.param_groups:
            group["train_mode"] = True
        for parameter in self._with_state():
            parameter.copy_(self.state[parameter]["y"])
            self.state[parameter]["y"] = parameter.detach()

    def loaded(self) -> None:
        """Take the numbers of each group from the state of its parameters."""
        for group in self.param_groups:
            state = self.state[group["params"][0]]
            group.update({key: state.get(key, self.defaults[key]) for key in self.NUMBERS}, train_mode=False)

    def _all(self) -> Iterable[Tensor]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def _with_state(self) -> Iterable[Tensor]:
        return (parameter for parameter in self._all() if "y" in self.state[parameter])
