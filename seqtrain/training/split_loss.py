"""The loss of a model on a split. Apart from the scores of text, whose packages decoding does without."""

from itertools import islice
from typing import Any

import torch

from seqtrain.base import Criterion, Model, PlanSpec, Task
from seqtrain.metrics.sums import add_sums, bits_per_unit, reduce_sums
from seqtrain.nn.mode import evaluation_mode


@torch.no_grad()
def evaluate_loss(
    task: Task[Any], model: Model, criterion: Criterion, split: str, plan: PlanSpec, max_batches: int = 0
) -> dict[str, float]:
    """Return the criterion's averages over a split, without dropout, and bits a unit of what the task counts.

    No sentence is left out.

    Args:
        task: owns the split.
        model: the model.
        criterion: the criterion, or a :class:`~seqtrain.training.loss_module.LossStep`.
        split: name of the split.
        plan: how it is batched; a shuffled one, if not all batches are used.
        max_batches: batches to use; 0 takes all.
    """
    batches = task.get_batch_iterator(task.dataset(split), epoch=1, plan=plan)
    with evaluation_mode(criterion):
        outputs = (task.valid_step(batch, model, criterion) for batch in islice(batches, max_batches or None))
        averages = reduce_sums(add_sums(output.metrics for output in outputs))
    return averages | bits_per_unit(averages, task.counts(split))
