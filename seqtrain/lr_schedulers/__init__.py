"""Learning-rate schedulers. Importing this registers none; see ``plugins.import_builtin``."""

from seqtrain.base import LRScheduler, Optimizer
from seqtrain.config import LRSchedulerConfig
from seqtrain.registry import Registry

REGISTRY: Registry[LRScheduler] = Registry("lr_scheduler", LRSchedulerConfig, LRScheduler)
register_lr_scheduler = REGISTRY.register
register_lr_scheduler_preset = REGISTRY.register_preset

__all__ = [
    "REGISTRY",
    "LRScheduler",
    "LRSchedulerConfig",
    "Optimizer",
    "register_lr_scheduler",
    "register_lr_scheduler_preset",
]
