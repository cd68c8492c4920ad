import threading
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtrain.base import Batch, PlanSpec, Shard
from seqtrain.data.dataset import PlannedDataset, Selection, prefetch
from seqtrain.data.plan import batch_seed


class Numbers(PlannedDataset):
    """Sentences without tokens, known by ten times their position."""

    fingerprint = "numbers"

    def __init__(self, size: int) -> None:
        self.lengths = np.arange(1, size + 1, dtype=np.int32)
        self.ids = np.arange(size) * 10

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        return Batch(torch.from_numpy(ids), {}, torch.empty(len(ids), 0), ntokens=0, nsentences=len(ids))


SPEC = PlanSpec(max_tokens=20, seed=3)


def prefetch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert prefetch_threads() == []


def test_batches_are_those_of_the_plan_with_their_seeds() -> None:
    dataset = Numbers(12)
    plan = dataset.plan(SPEC, epoch=2)
    batches = list(dataset.batches(epoch=2, plan=SPEC))
    assert len(dataset) == 12
    assert [batch.ids.tolist() for batch in batches] == [(plan[i] * 10).tolist() for i in range(len(plan))]
    assert [batch.seed for batch in batches] == [batch_seed(3, 2, i) for i in range(len(plan))]


@settings(max_examples=50, deadline=None)
@given(size=st.integers(0, 60), world=st.integers(1, 5), start=st.integers(0, 30))
def test_shards_divide_the_batches(size: int, world: int, start: int) -> None:
    dataset = Numbers(size)
    whole = [(batch.seed, batch.ids.tolist()) for batch in dataset.batches(epoch=1, plan=SPEC)]
    for rank in range(world):
        shard = dataset.batches(epoch=1, plan=SPEC, shard=Shard(rank, world), start=start)
        expected = [batch for index, batch in enumerate(whole) if index >= start and index % world == rank]
        assert [(batch.seed, batch.ids.tolist()) for batch in shard] == expected


def test_prefetch_keeps_the_order() -> None:
    assert list(prefetch(lambda item: item * item, range(100), depth=3)) == [item * item for item in range(100)]
    assert list(prefetch(lambda item: item, range(2), depth=3)) == [0, 1]
    assert list(prefetch(lambda item: item, [], depth=3)) == []


def test_prefetch_goes_only_so_far_ahead() -> None:
    made: list[int] = []
    iterator = prefetch(made.append, range(100), depth=3)
    next(iterator)
    time.sleep(0.05)
    assert len(made) == 4
    next(iterator)
    time.sleep(0.05)
    assert len(made) == 5
    iterator.close()  # type: ignore[attr-defined]  # it is a generator


def test_prefetch_works_while_its_consumer_does() -> None:
    in_use = threading.Event()
    iterator = prefetch(lambda item: in_use.wait(10) if item else True, range(2))
    assert next(iterator)
    in_use.set()
    assert next(iterator)
    assert list(iterator) == []


def test_prefetch_makes_items_in_another_thread() -> None:
    names = set(prefetch(lambda _: threading.current_thread().name, range(10)))
    assert len(names) == 1
    assert names.pop().startswith("prefetch")


def test_an_exception_is_raised_in_its_turn_with_its_traceback() -> None:
    def fail_at_two(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    iterator = prefetch(fail_at_two, range(10))
    assert [next(iterator), next(iterator)] == [0, 1]
    with pytest.raises(ValueError, match="two") as error:
        next(iterator)
    assert error.traceback[-1].name == "fail_at_two"
    assert prefetch_threads() == []
    assert list(iterator) == []


def test_the_thread_ends_when_the_consumer_stops_early() -> None:
    for _ in Numbers(1000).batches(epoch=1, plan=PlanSpec(max_sentences=1)):
        break
    assert prefetch_threads() == []


def test_nothing_starts_before_the_first_batch_is_asked_for() -> None:
    iterator = Numbers(12).batches(epoch=1, plan=SPEC)
    assert prefetch_threads() == []
    assert next(iterator).nsentences > 0
    del iterator


def test_a_selection_has_some_sentences_and_some_of_them_twice() -> None:
    whole = Numbers(12)
    some = Selection(whole, np.array([3, 0, 3, 11]))
    assert (some.ids.tolist(), some.lengths.tolist()) == ([30, 0, 30, 110], [4, 1, 4, 12])
    batches = some.batches(epoch=1, plan=SPEC)
    assert sorted(number for batch in batches for number in batch.ids.tolist()) == [0, 30, 30, 110]
    others = [Selection(whole, np.array(positions)) for positions in ([3, 0, 3, 11], [3, 0, 11], [0, 3, 3, 11])]
    assert [other.fingerprint == some.fingerprint for other in others] == [True, False, False]
