"""``prepare``: tokenise and index ahead of training."""

from rich.console import Console

from seqtrain.config import TrainConfig
from seqtrain.registry import REGISTRIES
from seqtrain.training.finetuning import open_origin, prepare_task
from seqtrain.training.logs import logging_to


def run(cfg: TrainConfig) -> None:
    """Prepare every split that the task names."""
    with logging_to(Console()):
        task = REGISTRIES["task"].build(cfg.task)
        prepare_task(task, cfg.saving, open_origin(cfg))
        for split in task.splits("test"):
            task.dataset(split)
    print(f"prepared data: {cfg.dataset.cache_dir}")
