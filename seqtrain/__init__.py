"""seqtrain: train sequence models in which every part is a plug-in with a typed config.

``seqtrain.compose(overrides)``, ``seqtrain.train(cfg)`` and ``seqtrain.load(RUN)`` do what the command line does.
They load on first use: importing seqtrain imports neither torch nor any plug-in.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqtrain.composition import compose as compose
    from seqtrain.generation.requests import Request as Request
    from seqtrain.loading import load as load
    from seqtrain.training.session import train as train

__version__ = "0.1.0"

_LAZY = {
    "compose": "seqtrain.composition",
    "train": "seqtrain.training.session",
    "load": "seqtrain.loading",
    "Request": "seqtrain.generation.requests",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'seqtrain' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
