"""How the training data becomes micro-batches, and how much of them is padding."""

from seqtrain.base import PlanSpec
from seqtrain.config import TrainConfig
from seqtrain.data.dataset import PlannedDataset
from seqtrain.data.plan import padding_share


def training_plan(cfg: TrainConfig, micro_batches_per_update: int) -> PlanSpec:
    """Return the plan of an epoch; with windows, an update has a micro-batch from each of as many."""
    data = cfg.dataset
    return PlanSpec(
        max_tokens=data.max_tokens,
        max_sentences=data.max_sentences,
        multiple=data.required_batch_size_multiple,
        seed=cfg.training.seed,
        window=data.shuffle_window,
        lanes=micro_batches_per_update,
    )


def describe_plan(dataset: PlannedDataset, plan: PlanSpec) -> str:
    """Return in words how many batches the first epoch has, and how much of them is padding."""
    batches = dataset.plan(plan, epoch=1)
    padding = padding_share(batches, lambda positions: dataset.measure(positions)[1])
    return f"{len(batches)} batches an epoch, {padding:.1%} of their positions are padding"
