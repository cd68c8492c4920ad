"""The exponential moving average of the parameters, which is what is validated and saved."""

import contextlib
from collections.abc import Iterator

import torch

from seqtrain.base import Model
from seqtrain.config import EmaConfig
from seqtrain.model_tensors import trained_tensors
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer


class ExponentialMovingAverage(Hook):
    """Follows the parameters that are trained; comes before the hooks that validate and save."""

    def __init__(self, cfg: EmaConfig, model: Model) -> None:
        self.cfg = cfg
        self._parameters = trained_tensors(model)
        self.other = {name: parameter.clone() for name, parameter in self._parameters.items()}
        """The average; while it is :meth:`applied`, the parameters that training goes on with."""

    @torch.no_grad()
    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Go on with the average."""
        num_updates = trainer.state.num_updates
        if result is None or num_updates % self.cfg.update_freq:
            return
        decay = self.cfg.decay if num_updates >= self.cfg.start_update else 0.0
        torch._foreach_lerp_(list(self.other.values()), list(self._parameters.values()), 1 - decay)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model have the average as its parameters meanwhile."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def begin(self) -> None:
        """Take what the model holds now as the average."""
        for name, parameter in self._parameters.items():
            self.other[name].copy_(parameter)

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self._parameters.items():
            held = parameter.clone()
            parameter.copy_(self.other[name])
            self.other[name].copy_(held)
