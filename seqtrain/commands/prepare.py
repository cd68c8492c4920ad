"""``prepare``: tokenise and index ahead of training."""

import logging
from typing import Any

from rich.console import Console

from seqtrain.base import Task
from seqtrain.config import TrainConfig
from seqtrain.data.dataset import PlannedDataset
from seqtrain.registry import REGISTRIES
from seqtrain.training.finetuning import open_origin, prepare_task
from seqtrain.training.logs import logging_to
from seqtrain.training.planning import describe_plan, training_plan

log = logging.getLogger(__name__)


def run(cfg: TrainConfig) -> None:
    """Prepare every split that the task names."""
    with logging_to(Console()):
        task = REGISTRIES["task"].build(cfg.task)
        prepare_task(task, cfg.saving, open_origin(cfg))
        for split in task.splits("test"):
            task.dataset(split)
        _describe_training(task, cfg)
    print(f"prepared data: {cfg.dataset.cache_dir}")


def _describe_training(task: Task[Any], cfg: TrainConfig) -> None:
    """Say how many batches the first epoch has; not where it is encoded anew, which would take long for that alone."""
    info = task.info
    if info.source_dictionary.samples or info.target_dictionary.samples:
        return
    train = task.training_dataset(epoch=1, seed=cfg.training.seed)
    if isinstance(train, PlannedDataset):
        log.info("train: %s", describe_plan(train, training_plan(cfg, cfg.training.update_freq)))
