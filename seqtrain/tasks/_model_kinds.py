"""Models of a kind that a task has no batches for are refused before any data is read."""

from seqtrain.config import ModelConfig, TaskConfig
from seqtrain.errors import ConfigError
from seqtrain.registry import REGISTRIES


def refuse(model: ModelConfig, task: TaskConfig, unfit: type, why: str) -> None:
    """Refuse a model of the kind ``unfit``, and say why.

    Raises:
        ConfigError: it is of this kind.
    """
    chosen = REGISTRIES["model"].entry_of(model)
    if issubclass(chosen.cls, unfit):
        name = REGISTRIES["task"].entry_of(task).name
        raise ConfigError(f"the model {chosen.name} does not go with task={name}: {why}")
