"""Stand-ins: what a module may do with them while it is imported, and what nobody may do with them afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MODULE = """
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Optional, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

Matrix = npt.NDArray[np.int64]
T = TypeVar("T", bound=Tensor)
LARGEST = torch.finfo(torch.float32).max
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


class Base(nn.Module, ABC):
    @abstractmethod
    def forward(self, x: Tensor | None, y: "int | Tensor" = 0, z: int | Tensor = 0) -> Optional[Tensor]: ...


class Model(Base):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return x


@runtime_checkable
class Weighted(Protocol):
    def weight(self) -> Tensor: ...


class Function(torch.autograd.Function):
    @staticmethod
    @torch.compile
    def backward(ctx, gradient: Tensor): ...


class Output(NamedTuple):
    logits: Tensor
    extra: dict[str, Tensor]


@dataclass
class Config:
    dtype: torch.dtype = torch.float32
    size: int = 3
"""

DEFINE = f"""
import sys
from types import ModuleType
from seqtrain import without_torch

def import_plugins():
    sys.modules["seqtrain.plug"] = ModuleType("seqtrain.plug")
    exec({MODULE!r}, vars(sys.modules["seqtrain.plug"]))

def message(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError("nothing was raised")

without_torch.register(import_plugins)
plug = sys.modules["seqtrain.plug"]
"""


def run(code: str) -> None:
    """Run code in a process that has not imported torch."""
    done = subprocess.run(
        [sys.executable, "-c", DEFINE + code], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_module_is_imported_and_no_heavy_package_is() -> None:
    run(
        "assert not {m.partition('.')[0] for m in sys.modules} & set(without_torch.HEAVY)\n"
        "assert plug.Config().size == 3 and plug.Output._fields == ('logits', 'extra')\n"
        "assert plug.Base.__abstractmethods__ == {'forward'} and not plug.Model.__abstractmethods__\n"
        "assert issubclass(plug.Model, plug.Base) and plug.Model.forward.__name__ == 'forward'\n"
        "assert type(plug.Model).__name__ == 'ABCMeta' and plug.Function.backward.__name__ == 'backward'\n"
    )


def test_what_is_read_by_either_way_is_the_same() -> None:
    run("assert plug.torch.utils.checkpoint.checkpoint is plug.checkpoint and plug.F is plug.nn.functional")


def test_nothing_computes_with_a_stand_in() -> None:
    run(
        "assert 'without_torch.undo()' in message(RuntimeError, plug.torch.zeros, 3)\n"
        "assert 'torch.zeros' in message(RuntimeError, plug.torch.zeros, 3)\n"
        "assert message(RuntimeError, plug.Model).startswith('Model: ')\n"
        "message(TypeError, iter, plug.torch)\n"
        "message(AttributeError, getattr, plug.torch, '__version__')\n"
    )


def test_undo_imports_for_real() -> None:
    run(
        "assert without_torch.undo() is True and 'torch' in sys.modules\n"
        "real = sys.modules['seqtrain.plug']\n"
        "import torch\n"
        "assert issubclass(real.Model, torch.nn.Module) and not hasattr(plug.Model, 'parameters')\n"
        "assert real.Model()(torch.ones(2)).tolist() == [1, 1] and real.LARGEST > 3e38\n"
        "assert without_torch.undo() is False\n"
    )


def test_others_import_torch_as_ever() -> None:
    run("import torch, numpy\nassert torch.zeros(2).sum() == 0 and numpy.zeros(2).sum() == 0")


def test_a_failing_import_leaves_python_as_it_was() -> None:
    run(
        "without_torch.undo()\n"
        "before = list(sys.meta_path)\n"
        "for name in [n for n in sys.modules if n.partition('.')[0] == 'torch']: del sys.modules[name]\n"
        "def fail(): import torch; raise KeyError('x')\n"
        "message(KeyError, without_torch.register, fail)\n"
        "assert sys.meta_path == before and 'torch' not in sys.modules\n"
    )


def test_where_torch_is_imported_nothing_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from seqtrain import without_torch

    seen = []
    without_torch.register(lambda: seen.append(sys.modules["torch"]))
    assert seen == [torch] and without_torch.undo() is False
