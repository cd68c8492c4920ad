"""The sets that validation and the end of training ask for."""

from typing import Any

from seqtrain.base import Task
from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError, DataError
from seqtrain.metrics.parts import with_wholes
from seqtrain.training.evaluation import check_scorers


def check_splits(cfg: TrainConfig, task: Task[Any]) -> None:
    """Check, before anything is trained, that the sets are there, and what their decoded text is scored with.

    Raises:
        ConfigError: ``saving.metric`` is of no validation set, or a scorer lacks what it needs.
        DataError: the files of ``validation.final_split`` are not there.
    """
    decoded = task.splits("valid") if cfg.validation.generate else []
    if cfg.validation.final_split:
        decoded = [*decoded, *_final_splits(cfg.validation.final_split, task)]
    if cfg.task.has_references:
        check_scorers(task, cfg.scorer, decoded)
    valid, metric = with_wholes(task.splits("valid")), cfg.saving.metric
    if valid and metric.split("/")[0] not in valid:
        raise ConfigError(f"saving.metric={metric} is no <split>/<name>; the validation sets: {', '.join(valid)}")


def _final_splits(split: str, task: Task[Any]) -> list[str]:
    """Return the sets of the split that is scored when training ends; all can be read."""
    parts = task.parts(split)
    try:
        for part in parts:
            task.dataset(part)
    except DataError as error:
        without = "if training is to end without it, set validation.final_split=''"
        raise DataError(f"{error}; validation.final_split={split} asks for it: {without}") from error
    return parts
