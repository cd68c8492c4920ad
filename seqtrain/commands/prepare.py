"""``prepare``: tokenise and index ahead of training."""

import logging

from rich.console import Console

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
        train = task.dataset("train")
        if isinstance(train, PlannedDataset):
            plan = training_plan(cfg, cfg.training.update_freq)
            log.info("train: %s", describe_plan(train, plan))
    print(f"prepared data: {cfg.dataset.cache_dir}")
