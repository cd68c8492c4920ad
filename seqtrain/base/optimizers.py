"""Base classes of optimizers and learning-rate schedulers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from seqtrain.config import LRSchedulerConfig, OptimizerConfig


class Optimizer(ABC):
    """Updates parameters from gradients, built as ``O(cfg, named_parameters)``."""

    def __init__(self, cfg: OptimizerConfig, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        self.cfg = cfg

    @property
    @abstractmethod
    def lr(self) -> float:
        """Learning rate; setting it sets every group's, times its ``lr_scale``."""

    @lr.setter
    @abstractmethod
    def lr(self, value: float) -> None: ...

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss`` to those already there; a constant, as of a batch without targets, has none."""
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    @abstractmethod
    def step(self) -> None:
        """Update the parameters."""

    @abstractmethod
    def zero_grad(self) -> None:
        """Forget the gradients."""

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """Return the state as tensors named ``<parameter>.<key>``."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a state that :meth:`state_dict` returned."""

    def train(self) -> None:
        """Hold the parameters that training goes on with; most optimizers hold no others."""

    def eval(self) -> None:
        """Hold the parameters to evaluate and save; most optimizers hold no others."""


class LRScheduler(ABC):
    """The rate over training, built as ``S(cfg, optimizer)``."""

    def __init__(self, cfg: LRSchedulerConfig, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base_lr = optimizer.lr
        self.num_updates = 0

    @abstractmethod
    def lr_at(self, num_updates: int) -> float:
        """Return the rate after ``num_updates`` updates, of nothing but it and the scheduler's own state."""

    def step_update(self, num_updates: int) -> float:
        """Set and return the rate of the update after ``num_updates``."""
        self.num_updates = num_updates
        lr = self.lr_at(num_updates)
        self.optimizer.lr = lr
        return lr

    def step(self, epoch: int, val_loss: float | None) -> None:
        """Learn that ``epoch`` (from 1) has ended, and the loss of its last validation; None if it had none."""

    def state_dict(self) -> dict[str, Any]:
        """Return the scheduler's own state, as JSON can hold it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
