"""Tasks: dictionaries, datasets, step, inference. Importing this registers none; see ``plugins.import_builtin``."""

from seqtrain.base import Batch, Dataset, Dictionary, Task, TaskInfo
from seqtrain.config import TaskConfig
from seqtrain.registry import Registry

REGISTRY: Registry[Task[TaskInfo]] = Registry("task", TaskConfig, Task)
register_task = REGISTRY.register
register_task_preset = REGISTRY.register_preset

__all__ = [
    "REGISTRY",
    "Batch",
    "Dataset",
    "Dictionary",
    "Task",
    "TaskConfig",
    "TaskInfo",
    "register_task",
    "register_task_preset",
]
