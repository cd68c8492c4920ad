"""``prepare``: tokenise and index ahead of training."""

from omegaconf import DictConfig
from rich.console import Console

from seqtrain.composition import to_config
from seqtrain.registry import REGISTRIES
from seqtrain.training.logs import logging_to


def run(node: DictConfig) -> None:
    """Prepare every split that the task names."""
    cfg = to_config(node)
    with logging_to(Console()):
        task = REGISTRIES["task"].build(cfg.task)
        task.prepare()
        for split in task.splits("test"):
            task.dataset(split)
    print(f"prepared data: {cfg.dataset.cache_dir}")
