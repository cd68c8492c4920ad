"""What ``torch.compile`` is told of modules that it should leave to Python.

torch's own decorator imports the compiler, a second that every command would wait for; so modules say it by an
attribute, and who compiles them calls :func:`leave_to_python`.
"""

from enum import Enum

import torch
from torch import nn


class LeftToPython(Enum):
    """How much of a module is not compiled: the attribute ``left_to_python`` of its class."""

    all = "all"
    """It and what it calls."""
    forward = "forward"
    """Its ``forward`` alone, such as a loop whose body is worth to be compiled."""


def leave_to_python(module: nn.Module) -> None:
    """Let ``torch.compile`` leave out those modules within a module whose classes say so."""
    for part in module.modules():
        extent = getattr(part, "left_to_python", None)
        if isinstance(extent, LeftToPython):
            recursive = extent is LeftToPython.all
            part.forward = torch.compiler.disable(part.forward, recursive=recursive)  # type: ignore[no-untyped-call]
