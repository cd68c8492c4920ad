"""The base of optimizers that torch does not have: the tensors of a group as lists, for operations on all at once."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

State = dict[str, Any]
"""What is kept for one parameter."""


class ForeachOptimizer(torch.optim.Optimizer):
    """An optimizer of ``torch.optim``'s kind; a subclass writes :meth:`begin` and :meth:`update`."""

    @abstractmethod
    def begin(self, parameter: Tensor) -> State:
        """Return the state of a parameter before its first update."""

    @abstractmethod
    def update(
        self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        """Update those parameters of a group that have a gradient, and their states, in place."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure here
        """Update the parameters that have a gradient."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            for parameter in parameters:
                if not self.state[parameter]:
                    self.state[parameter].update(self.begin(parameter))
            if parameters:
                states = [self.state[parameter] for parameter in parameters]
                self.update(group, parameters, [parameter.grad for parameter in parameters], states)
