"""Decode whole datasets, or lines of text of any number, with the results in the order of the input."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from seqtrain.base import Dataset, Generator, Hypothesis, PlanSpec, Task
from seqtrain.config import GenerationConfig
from seqtrain.data.chunks import chunked

log = logging.getLogger(__name__)

WINDOW = 4096
"""Lines to read ahead and batch by length."""


def generation_plan(cfg: GenerationConfig) -> PlanSpec:
    """Return how sentences become batches to decode."""
    return PlanSpec(max_tokens=cfg.max_tokens, max_sentences=cfg.max_sentences, shuffle=False)


def decode_dataset(
    task: Task[Any],
    dataset: Dataset,
    generator: Generator,
    plan: PlanSpec,
    line_numbers: Sequence[int] | None = None,
) -> list[list[Hypothesis]]:
    """Return the hypotheses of each sentence of a dataset, best first, in the dataset's order.

    What is drawn at random for a sentence depends on the number of its line: ``line_numbers``, or 1, 2, ...
    """
    results: list[list[Hypothesis]] = [[] for _ in range(len(dataset))]
    numbers = torch.tensor(range(1, len(dataset) + 1) if line_numbers is None else line_numbers)
    for batch in task.get_batch_iterator(dataset, epoch=1, plan=plan):
        batch.net_input["line_numbers"] = numbers[batch.ids]
        for number, found in zip(batch.ids.tolist(), task.inference_step(batch, generator), strict=True):
            results[number] = found
    return results


def decode_lines(
    task: Task[Any], lines: Iterable[str], generator: Generator, plan: PlanSpec, window: int = WINDOW
) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses of each line, best first, in the order of the lines; an empty line has none.

    A line of which the model is going to see only the beginning is warned of.

    Args:
        task: reads a line as a sentence, by ``inference_dataset``.
        lines: any number of them.
        generator: the search.
        plan: how the sentences of a window become batches.
        window: lines to read ahead and batch by length; 1 answers each line before the next is read.
    """
    for read in chunked(enumerate(lines, start=1), window):
        full = [(number, line) for number, line in read if line.strip()]
        found = iter(_decode_full(task, full, generator, plan) if full else [])
        yield from (next(found) if line.strip() else [] for _, line in read)


def _decode_full(
    task: Task[Any], lines: Sequence[tuple[int, str]], generator: Generator, plan: PlanSpec
) -> list[list[Hypothesis]]:
    """Return the hypotheses of lines that are not empty, given with their numbers."""
    dataset, limit = task.inference_dataset([line for _, line in lines]), task.info.max_positions[0]
    for index in dataset.truncated.tolist():
        log.warning("line %d is over the model's limit of %d tokens: its end is left out", lines[index][0], limit)
    return decode_dataset(task, dataset, generator, plan, [number for number, _ in lines])
