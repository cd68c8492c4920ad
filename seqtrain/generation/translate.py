"""Decode whole datasets, or lines of text of any number, with the results in the order of the input."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from seqtrain.base import Dataset, Generator, Hypothesis, PlanSpec, Task
from seqtrain.config import GenerationConfig
from seqtrain.data.chunks import chunked
from seqtrain.generation.requests import Given, GivenRequests, Request, numbered, request_of

log = logging.getLogger(__name__)

WINDOW = 4096
"""Lines to read ahead and batch by length."""


def generation_plan(cfg: GenerationConfig) -> PlanSpec:
    """Return how sentences become batches to decode."""
    return PlanSpec(max_tokens=cfg.max_tokens, max_sentences=cfg.max_sentences, shuffle=False)


def decode_dataset(
    task: Task[Any], dataset: Dataset, generator: Generator, plan: PlanSpec, given: Given = numbered
) -> list[list[Hypothesis]]:
    """Return the hypotheses of each sentence of a dataset, best first, in the dataset's order.

    What is drawn at random for a sentence depends on the number of its line.

    Args:
        task: makes batches, and lets the generator decode them.
        dataset: the sentences.
        generator: the search.
        plan: how sentences become batches.
        given: what the search is given with each batch, besides its ``net_input``.
    """
    results: list[list[Hypothesis]] = [[] for _ in range(len(dataset))]
    for batch in task.get_batch_iterator(dataset, epoch=1, plan=plan):
        asked = replace(batch, net_input=batch.net_input | given(batch))
        for number, found in zip(batch.ids.tolist(), task.inference_step(asked, generator), strict=True):
            results[number] = found
    return results


def decode_lines(
    task: Task[Any],
    lines: Iterable[str | Request],
    generator: Generator,
    cfg: GenerationConfig,
    window: int = WINDOW,
) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses of each line, best first, in the order of the lines; an empty line has none.

    A line of which the model is going to see only the beginning is warned of.

    Args:
        task: reads a line as a sentence, by ``inference_dataset``.
        lines: any number of them, alone or with what is asked for of their outputs; with ``cfg.constraints``
            those of a line stand behind it, each after a TAB.
        generator: the search.
        cfg: how the sentences of a window become batches, and how long outputs may be.
        window: lines to read ahead and batch by length; 1 answers each line before the next is read.

    Raises:
        DataError: what is asked for of a line cannot be had.
    """
    requests = (request_of(line, "", cfg) if isinstance(line, str) else line for line in lines)
    for read in chunked(enumerate(requests, start=1), window):
        full = [(number, request) for number, request in read if request.text.strip()]
        found = iter(_decode_full(task, full, generator, cfg) if full else [])
        yield from (next(found) if request.text.strip() else [] for _, request in read)


def _decode_full(
    task: Task[Any], requests: Sequence[tuple[int, Request]], generator: Generator, cfg: GenerationConfig
) -> list[list[Hypothesis]]:
    """Return the hypotheses of lines that are not empty, given with their numbers."""
    dataset, limit = task.inference_dataset([request.text for _, request in requests]), task.info.max_positions[0]
    for index in dataset.truncated.tolist():
        log.warning("line %d is over the model's limit of %d tokens: its end is left out", requests[index][0], limit)
    given = GivenRequests(requests, task.info, cfg)
    return decode_dataset(task, dataset, generator, generation_plan(cfg), given)
