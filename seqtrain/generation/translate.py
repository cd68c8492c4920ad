"""Decode whole datasets, or lines of text of any number, with the results in the order of the input."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from seqtrain.base import Batch, Dataset, Generator, Hypothesis, PlanSpec, Task
from seqtrain.config import GenerationConfig
from seqtrain.data.chunks import chunked
from seqtrain.errors import SeqtrainError
from seqtrain.generation.requests import Given, GivenRequests, Request, numbered, request_of
from seqtrain.generation.workers import Workers

log = logging.getLogger(__name__)

WINDOW = 4096
"""Lines to read ahead and batch by length."""

Answers = Callable[[], list[list[Hypothesis]]]
"""Waits for the hypotheses of some sentences."""


def generation_plan(cfg: GenerationConfig) -> PlanSpec:
    """Return how sentences become batches to decode."""
    return PlanSpec(max_tokens=cfg.max_tokens, max_sentences=cfg.max_sentences, shuffle=False)


def decode_dataset(
    task: Task[Any], dataset: Dataset, generator: Generator | Workers, plan: PlanSpec, given: Given = numbered
) -> list[list[Hypothesis]]:
    """Return the hypotheses of each sentence of a dataset, best first, by its number; none where it leaves one out.

    What is drawn at random for a sentence depends on the number of its line.

    Args:
        task: makes batches, and lets the generator decode them.
        dataset: the sentences.
        generator: the search, or the processes that search.
        plan: how sentences become batches.
        given: what the search is given with each batch, besides its ``net_input``.
    """
    return _begin(task, dataset, generator, plan, given)()


def _begin(task: Task[Any], dataset: Dataset, generator: Generator | Workers, plan: PlanSpec, given: Given) -> Answers:
    """Let processes begin to decode a dataset; what is returned waits for them, or decodes here."""
    batches = task.get_batch_iterator(dataset, epoch=1, plan=plan)
    asked = (replace(batch, net_input=batch.net_input | given(batch)) for batch in batches)
    if not isinstance(generator, Workers):
        return partial(_gather, ((batch, partial(task.inference_step, batch, generator)) for batch in asked))
    # The longest, which come last, take longest: begun first, they are not what all wait for in the end.
    begun = [(batch, generator.begin(batch)) for batch in reversed([*asked])]
    return partial(_gather, begun)


def _gather(begun: Iterable[tuple[Batch, Answers]]) -> list[list[Hypothesis]]:
    """Return the hypotheses of sentences by their numbers, up to the last that was decoded."""
    results: dict[int, list[Hypothesis]] = {}
    for batch, answers in begun:
        results.update(zip(batch.ids.tolist(), answers(), strict=True))
    return [results.get(number, []) for number in range(max(results, default=-1) + 1)]


def decode_lines(
    task: Task[Any],
    lines: Iterable[str | Request],
    generator: Generator | Workers,
    cfg: GenerationConfig,
    window: int = WINDOW,
) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses of each line, best first, in the order of the lines; an empty line has none.

    A line of which the model is going to see only the beginning is warned of.

    Args:
        task: reads a line as a sentence, by ``inference_dataset``.
        lines: any number of them, alone or with what is asked for of their outputs; with ``cfg.constraints``
            those of a line stand behind it, each after a TAB.
        generator: the search, or the processes that search, which may read several windows ahead.
        cfg: how the sentences of a window become batches, and how long outputs may be.
        window: lines to read ahead and batch by length; 1 answers each line before the next is read.

    Raises:
        DataError: what is asked for of a line cannot be had.
    """
    requests = (request_of(line, "", cfg) if isinstance(line, str) else line for line in lines)
    begun = (_begin_window(task, read, generator, cfg) for read in chunked(enumerate(requests, start=1), window))
    for answers in _ahead(begun, generator) if isinstance(generator, Workers) else begun:
        yield from answers()


def _ahead(begun: Iterator[Answers], workers: Workers) -> Iterator[Answers]:
    """Yield what was begun, in order, each when as many windows are under way as the processes need to be busy."""
    waiting: deque[Answers] = deque()
    try:
        for answers in begun:
            waiting.append(answers)
            if len(waiting) == workers.windows:
                yield waiting.popleft()
    except SeqtrainError:  # of what is read: what comes before it is answered
        yield from waiting
        raise
    yield from waiting


def _begin_window(
    task: Task[Any], read: Sequence[tuple[int, Request]], generator: Generator | Workers, cfg: GenerationConfig
) -> Answers:
    """Let processes begin to decode lines, given with their numbers; what is returned waits for them."""
    full = [(number, request) for number, request in read if request.text.strip()]
    answers = _begin_full(task, full, generator, cfg) if full else list

    def of_all() -> list[list[Hypothesis]]:
        found = iter(answers())
        return [next(found) if request.text.strip() else [] for _, request in read]

    return of_all


def _begin_full(
    task: Task[Any], requests: Sequence[tuple[int, Request]], generator: Generator | Workers, cfg: GenerationConfig
) -> Answers:
    """Let processes begin to decode lines that are not empty."""
    dataset, limit = task.inference_dataset([request.text for _, request in requests]), task.info.max_positions[0]
    for index in dataset.truncated.tolist():
        log.warning("line %d is over the model's limit of %d tokens: its end is left out", requests[index][0], limit)
    given = GivenRequests(requests, task.info, cfg)
    return _begin(task, dataset, generator, generation_plan(cfg), given)
