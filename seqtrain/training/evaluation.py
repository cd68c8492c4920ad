"""Scores of a model on a split: its loss, and its decoded text against the references."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from seqtrain.base import Criterion, Model, PlanSpec, Task
from seqtrain.config import GenerationConfig, Scorer
from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.translate import decode_dataset, generation_plan
from seqtrain.metrics.sums import add_sums, bits_per_unit, reduce_sums
from seqtrain.metrics.text import SCORERS, TextScore
from seqtrain.nn.mode import evaluation_mode


@dataclass(frozen=True)
class DecodedSplit:
    """A split as text: sources, the best hypothesis of each, references."""

    sources: list[str]
    references: list[str]
    hypotheses: list[str]

    def scores(self, scorers: Sequence[Scorer], bleu_tokenizer: str) -> list[TextScore]:
        """Return the scores of the hypotheses against the references."""
        options = {Scorer.bleu: {"tokenize": bleu_tokenizer}}
        return [SCORERS[s.value](self.hypotheses, self.references, **options.get(s, {})) for s in scorers]


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


def decode_split(task: Task[Any], model: Model, split: str, cfg: GenerationConfig) -> DecodedSplit:
    """Decode a split with the best hypothesis of each sentence."""
    decoded = decode_dataset(task, task.dataset(split), BeamSearch(cfg, model, task.info), generation_plan(cfg))
    dictionary = task.output_dictionary(split)
    hypotheses = [dictionary.decode(best[0].tokens.tolist()) for best in decoded]
    return DecodedSplit(*task.text(split), hypotheses)
