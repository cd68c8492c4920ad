"""Number formats of the forward and backward pass, and the scaling of the loss that fp16 needs."""

import math
from typing import Any

import torch
from torch import Tensor

from seqtrain.config import Precision, TrainingConfig
from seqtrain.errors import ConfigError

AUTOCAST = {Precision.bf16: torch.bfloat16, Precision.fp16: torch.float16}
"""What autocast computes in; fp32 needs none. Parameters, gradients and the optimizer's state are fp32 in each."""


class LossScaler:
    """Dynamic loss scaling (Micikevicius et al. 2018, §3.2): small gradients would be zero in fp16.

    The scale halves when a gradient overflows, and doubles after ``window`` updates in a row without.
    """

    def __init__(self, scale: float, window: int, least: float = 1e-4) -> None:
        self.scale = scale
        self.window = window
        self.least = least
        self._since_overflow = 0

    def attach(self, loss: Tensor) -> None:
        """Let the gradients of ``loss`` be scaled; its value stays."""
        if loss.requires_grad:
            loss.register_hook(self._scaled)  # type: ignore[no-untyped-call]  # torch leaves it untyped

    def _scaled(self, gradient: Tensor) -> Tensor:
        return gradient * self.scale

    def overflowed(self, norm: float) -> bool:
        """Set the scale for the next update; tell whether this gradient is lost to a scale that was too large.

        Args:
            norm: of the gradient. One that is not finite at the least scale is no overflow, but a fault.
        """
        if math.isfinite(norm):
            self._since_overflow += 1
            self.scale *= 2 if self._since_overflow % self.window == 0 else 1
            return False
        lost = self.scale > self.least
        self._since_overflow = 0
        self.scale = max(self.scale / 2, self.least)
        return lost

    def state_dict(self) -> dict[str, Any]:
        """Return the scale, and the updates since the last overflow."""
        return {"scale": self.scale, "since_overflow": self._since_overflow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
        self.scale, self._since_overflow = state["scale"], state["since_overflow"]


def loss_scaler(cfg: TrainingConfig, device: torch.device) -> LossScaler | None:
    """Return what scales the loss, or None where the precision needs no scaling.

    Raises:
        ConfigError: the device cannot train in this precision.
    """
    if cfg.precision is not Precision.fp16:
        return None
    if device.type == "cpu":
        raise ConfigError("training.precision=fp16 needs a GPU, and torch finds none here: use bf16 or fp32")
    window = cfg.fp16_scale_window or max(1, 2**14 // cfg.update_freq)
    return LossScaler(cfg.fp16_init_scale, window, cfg.min_loss_scale)
