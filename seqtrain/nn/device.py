"""The device of a module."""

import torch
from torch import nn


def device_of(module: nn.Module) -> torch.device:
    """Return where a module computes; the CPU if it has no parameters."""
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
