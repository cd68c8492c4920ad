import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from seqtrain.base import Batch, Dataset, Generator, Hypothesis, PlanSpec, Shard, Task, TaskInfo
from seqtrain.config import GenerationConfig, TaskConfig
from seqtrain.errors import DataError
from seqtrain.generation import SequenceGenerator, decode_dataset, decode_lines, generation_plan
from seqtrain.generation.requests import Request
from seqtrain.generation.workers import Workers

Collate = Callable[[list[str]], dict[str, Tensor]]


class Sources(Dataset):
    """Sources batched by length, the longest first."""

    def __init__(self, sources: Sequence[str], collate: Collate) -> None:
        self.sources = sources
        self.collate_sources = collate

    def __len__(self) -> int:
        return len(self.sources)

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        net_input = self.collate_sources([self.sources[i] for i in ids])
        return Batch(torch.from_numpy(ids), net_input, net_input["source_tokens"], 0, len(ids))

    def batches(self, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0) -> Iterator[Batch]:
        order = np.array(sorted(range(len(self)), key=lambda i: -len(self.sources[i])), dtype=np.int64)
        for first in range(0, len(order), plan.max_sentences):
            yield self.collate(order[first : first + plan.max_sentences])


class DecodingTask(Task[TaskInfo]):
    """Decodes lines of letters."""

    def __init__(self, info: TaskInfo, collate: Collate) -> None:
        super().__init__(TaskConfig())
        self.info = info
        self.collate = collate

    def dataset(self, split: str) -> Dataset:
        raise AssertionError

    def inference_dataset(self, lines: Sequence[str]) -> Dataset:
        return Sources([line.strip() for line in lines], self.collate)


# A source of n letters chooses the n-th table, which gives n times the same letter.
TABLES = [{"$": {letter: 1.0}, letter: {"$": 1.0}} for letter in "abc"]
SOURCES = ["ab", "abc", "a", "bc", "c", "cab", "b"]
EXPECTED = ["b", "c", "a", "b", "a", "c", "a"]


def generator_and_task(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate
) -> tuple[SequenceGenerator, DecodingTask]:
    return SequenceGenerator(GenerationConfig(beam=2), table_model(*TABLES), task), DecodingTask(task, net_input)


def test_generation_plan_keeps_the_limits_and_the_order() -> None:
    plan = generation_plan(GenerationConfig(max_tokens=100, max_sentences=7))
    assert (plan.max_tokens, plan.max_sentences, plan.shuffle, plan.multiple) == (100, 7, False, 1)


def test_decode_dataset_answers_in_the_order_of_the_dataset(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate
) -> None:
    generator, decoding = generator_and_task(task, table_model, net_input)
    for max_sentences in (1, 3, 100):
        plan = PlanSpec(max_sentences=max_sentences, shuffle=False)
        found = decode_dataset(decoding, Sources(SOURCES, net_input), generator, plan)
        assert [task.target_dictionary.decode(best[0].tokens.tolist()) for best in found] == EXPECTED


class Noting:
    """Finds nothing, and notes the numbers of lines that it is given."""

    def __init__(self) -> None:
        self.numbers: list[list[int]] = []

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        self.numbers.append(net_input["line_numbers"].tolist())
        return [[] for _ in self.numbers[-1]]


def test_a_search_is_told_the_numbers_of_lines(task: TaskInfo, net_input: Collate) -> None:
    decoding, generator = DecodingTask(task, net_input), Noting()
    decode_dataset(decoding, Sources(["a", "abc", "ab"], net_input), generator, PlanSpec(max_sentences=2))
    assert generator.numbers == [[2, 3], [1]]  # the longest first
    generator = Noting()
    list(decode_lines(decoding, ["a", "", "ab", "\n", "b"], generator, GenerationConfig(max_sentences=9), window=3))
    assert generator.numbers == [[3, 1], [5]]


def test_decode_dataset_of_nothing_is_nothing(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate
) -> None:
    generator, decoding = generator_and_task(task, table_model, net_input)
    assert decode_dataset(decoding, Sources([], net_input), generator, PlanSpec(max_sentences=1)) == []


def test_decode_lines_answers_each_line_in_order_and_reads_one_window_ahead(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate
) -> None:
    generator, decoding = generator_and_task(task, table_model, net_input)
    read: list[str] = []

    def lines() -> Iterator[str]:
        for source in SOURCES:
            read.append(source)
            yield f"{source}\n"

    answers = decode_lines(decoding, lines(), generator, GenerationConfig(max_sentences=2), window=3)
    assert task.target_dictionary.decode(next(answers)[0].tokens.tolist()) == "b"
    assert read == SOURCES[:3]
    rest = [task.target_dictionary.decode(best[0].tokens.tolist()) for best in answers]
    assert rest == EXPECTED[1:]
    assert read == SOURCES


def test_decode_lines_begins_outputs_as_it_is_asked_to(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate
) -> None:
    table = {"$": {"a": 0.7, "b": 0.2, "c": 0.1}, "a": {"$": 1.0}, "b": {"$": 0.9, "c": 0.1}, "c": {"$": 1.0}}
    generator = SequenceGenerator(GenerationConfig(beam=2), table_model(table), task)
    lines: list[str | Request] = ["a", Request("a", prefix="b"), "", Request("a", prefix="bc"), Request("a", prefix="")]
    found = decode_lines(DecodingTask(task, net_input), lines, generator, GenerationConfig(max_sentences=2))
    texts = [task.target_dictionary.decode(best[0].tokens.tolist()) if best else None for best in found]
    assert texts == ["a", "b", None, "bc", "a"]


class InTurn(Workers):
    """Decodes in this process what it is asked for, and keeps in mind when."""

    def __init__(self, task: DecodingTask, generator: Generator, windows: int) -> None:
        super().__init__(lambda number: partial(task.inference_step, generator=generator), 1, windows, lambda *_: None)
        self.begun: list[int] = []
        self._decode = self._set_up(0)

    def begin(self, batch: Batch) -> Callable[[], list[list[Hypothesis]]]:
        self.begun = [*self.begun[-9:], batch.net_input["source_tokens"].size(1)]
        return lambda: self._decode(batch)


@pytest.mark.parametrize("windows", [1, 2, 5])
def test_processes_read_windows_ahead_and_answer_in_order(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate, windows: int
) -> None:
    generator, decoding = generator_and_task(task, table_model, net_input)
    workers, read = InTurn(decoding, generator, windows), []

    def lines() -> Iterator[str]:
        for number, line in enumerate([*SOURCES, "", "abc"]):
            read.append(number)
            yield line

    answers = decode_lines(decoding, lines(), workers, GenerationConfig(max_sentences=1), window=2)
    first = next(answers)
    assert read == [*range(min(2 * windows, 9))]
    found = [task.target_dictionary.decode(best[0].tokens.tolist()) if best else "" for best in [first, *answers]]
    assert found == [*EXPECTED, "", "c"]
    # The order of batches, in which this dataset has the longer of two sources first, is turned round.
    assert workers.begun == [3, 4, 2, 3, 2, 4, 2, 4]


def test_what_stands_before_a_line_that_cannot_be_read_is_answered(
    task: TaskInfo, table_model: Callable[..., Any], net_input: Collate
) -> None:
    generator, decoding = generator_and_task(task, table_model, net_input)

    def lines() -> Iterator[str]:
        yield from SOURCES
        raise DataError("no line")

    answers = decode_lines(decoding, lines(), InTurn(decoding, generator, 3), GenerationConfig(), window=2)
    assert [len(next(answers)) for _ in SOURCES[:6]] == [1] * 6
    with pytest.raises(DataError, match="no line"):
        next(answers)


class Nothing:
    """Finds nothing, as fast as can be."""

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        return [[] for _ in net_input["source_tokens"]]


@pytest.mark.parametrize("several", [False, True])
def test_nothing_is_kept_of_lines_that_are_answered(task: TaskInfo, net_input: Collate, several: bool) -> None:
    decoding = DecodingTask(task, net_input)
    search = InTurn(decoding, Nothing(), 3) if several else Nothing()
    lines, cfg = (f"{'ab' * (number % 3)}" for number in count()), GenerationConfig(max_sentences=100)
    answers = decode_lines(decoding, lines, search, cfg, window=100)
    peaks = []
    tracemalloc.start()
    for lines_until in (1000, 1000, 4000):
        tracemalloc.reset_peak()
        assert sum(1 for _ in islice(answers, lines_until)) == lines_until
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[2] < peaks[1] + 30_000  # bytes: ten for each line more
