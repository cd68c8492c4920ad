import hashlib
import sys
import tracemalloc
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from seqtrain.base import PlanSpec
from seqtrain.data.plan import BatchPlan, batch_seed, padding_share, plan_batches

LENGTHS = np.array([3, 3, 4, 5, 5, 6, 7, 9, 9, 12, 15, 16, 20])


def batches(plan: BatchPlan) -> list[list[int]]:
    return [plan[index].tolist() for index in range(len(plan))]


def sorted_plan(lengths: npt.NDArray[np.integer], **limits: int) -> list[list[int]]:
    return batches(plan_batches(lengths, PlanSpec(**limits, shuffle=False), epoch=1))


def greedy(lengths: Sequence[int], max_tokens: int, max_sentences: int, multiple: int) -> list[list[int]]:
    """Cut sentences of ascending lengths one by one, to compare with."""
    done: list[list[int]] = []
    batch: list[int] = []

    def end() -> None:
        nonlocal batch
        size = len(batch) - len(batch) % multiple if len(batch) >= multiple else len(batch)
        done.append(batch[:size])
        batch = batch[size:]

    for number, length in enumerate(lengths):
        if batch and length > lengths[number - 1] and 0 < 0.7 * max_tokens <= lengths[number - 1] * len(batch):
            end()
        while batch and (
            (max_tokens and length * (len(batch) + 1) > max_tokens) or (max_sentences and len(batch) == max_sentences)
        ):
            end()
        batch.append(number)
    return [*done, batch] if batch else done


def in_order(lengths: npt.NDArray[np.integer]) -> list[int]:
    """Sort by the longer side, then by target less source, which goes up and down in turns: to compare with."""

    def key(number: int) -> tuple[int, int]:
        source, target = lengths[number].tolist()
        return max(source, target), (source - target) if max(source, target) % 2 else (target - source)

    return sorted(range(len(lengths)), key=key)


def test_limit_on_tokens() -> None:
    assert sorted_plan(LENGTHS, max_tokens=30) == [[0, 1, 2, 3, 4], [5, 6, 7], [8, 9], [10], [11], [12]]


def test_limit_on_sentences() -> None:
    assert sorted_plan(LENGTHS, max_sentences=5) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12]]


def test_multiples_where_possible_and_nothing_dropped() -> None:
    plan = sorted_plan(LENGTHS, max_tokens=30, multiple=2)
    assert plan == [[0, 1, 2, 3], [4, 5], [6, 7], [8, 9], [10], [11], [12]]
    assert sorted_plan(np.full(21, 4), max_sentences=8, multiple=8) == [
        list(range(8)),
        list(range(8, 16)),
        [16, 17, 18, 19, 20],
    ]


def test_no_limit() -> None:
    assert sorted_plan(LENGTHS) == [list(range(13))]


def test_a_sentence_over_the_limit_stands_alone() -> None:
    assert sorted_plan(np.array([2, 50, 3, 40]), max_tokens=10, multiple=8) == [[0, 2], [3], [1]]


def test_the_longer_side_counts() -> None:
    lengths = np.array([[1, 6], [6, 1], [2, 2], [5, 5]])
    # 2 x 5 tokens fit into 10; the two of length 6 stand alone, the shorter target first
    assert sorted_plan(lengths, max_tokens=10) == [[2, 3], [1], [0]]


def test_order_is_by_longer_side_and_the_shorter_goes_up_and_down() -> None:
    lengths = np.array([[5, 3], [4, 5], [3, 5], [5, 2], [2, 2], [2, 1], [3, 5], [6, 6], [6, 2]])
    # of 2: 2-1 2-2; of 5, the target down and the source up: 3-5 3-5 4-5 5-3 5-2; of 6: 6-2 6-6
    assert sorted_plan(lengths, max_sentences=1) == [[5], [4], [2], [6], [1], [0], [3], [8], [7]]


def test_a_batch_that_is_almost_full_ends_where_sentences_get_longer() -> None:
    lengths = np.array([4] * 7 + [5] * 4)
    assert sorted_plan(lengths, max_tokens=40) == [[0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10]]
    assert sorted_plan(lengths[1:], max_tokens=40) == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]
    assert sorted_plan(lengths, max_tokens=40, multiple=4) == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9, 10]]
    assert sorted_plan(lengths, max_sentences=8) == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10]]


@pytest.mark.parametrize("longest", [12, 1 << 30])
def test_order_is_that_of_a_plain_sort(longest: int) -> None:
    lengths = np.random.Generator(np.random.Philox(2)).integers(1, longest, (500, 2)).astype(np.int32)
    assert [number for (number,) in sorted_plan(lengths, max_sentences=1)] == in_order(lengths)


def test_sentences_of_one_length_are_in_the_order_of_their_random_bits() -> None:
    plan = plan_batches(np.ones(1000, dtype=np.int32), PlanSpec(seed=5), epoch=7)
    bits = np.random.Philox(np.random.SeedSequence([5, 7])).random_raw(1000)
    assert plan[0].tolist() == sorted(range(1000), key=lambda number: int(bits[number]))


def test_no_sentences() -> None:
    for shape in ((0,), (0, 2)):
        lengths = np.zeros(shape, dtype=np.int32)
        plan = plan_batches(lengths, PlanSpec(max_tokens=10), epoch=1)
        assert (len(plan), padding_share(plan, lengths.__getitem__)) == (0, 0.0)


def test_lengths_beyond_16_bits() -> None:
    assert sorted_plan(np.array([70_000, 65_536, 3]), max_sentences=1) == [[2], [1], [0]]


def test_shuffled_plan_is_fixed() -> None:
    plan = plan_batches(LENGTHS, PlanSpec(max_tokens=30, seed=1), epoch=1)
    assert batches(plan) == [[8, 9], [12], [5, 6, 7], [1, 0, 2, 3, 4], [10], [11]]


def test_seed_and_epoch_change_batches_and_their_order() -> None:
    lengths = np.random.Generator(np.random.Philox(1)).integers(1, 20, 500)
    plans = [
        plan_batches(lengths, PlanSpec(max_tokens=60, seed=seed), epoch) for seed, epoch in [(1, 1), (1, 2), (2, 1)]
    ]
    assert len({str(batches(plan)) for plan in plans}) == 3
    assert len({str(sorted(map(sorted, batches(plan)))) for plan in plans}) == 3


def test_without_shuffling_epochs_are_alike() -> None:
    spec = PlanSpec(max_tokens=30, shuffle=False)
    assert batches(plan_batches(LENGTHS, spec, 1)) == batches(plan_batches(LENGTHS, spec, 2))


lengths_of_sentences = st_numpy.arrays(
    np.int32,
    st.one_of(st.tuples(st.integers(0, 60)), st.tuples(st.integers(0, 60), st.just(2))),
    elements=st.integers(1, 30),
)
specs = st.builds(
    PlanSpec,
    max_tokens=st.sampled_from([0, 1, 16, 40, 200]),
    max_sentences=st.sampled_from([0, 1, 3, 8, 100]),
    multiple=st.sampled_from([1, 2, 4, 8]),
    seed=st.integers(0, 2**40),
    shuffle=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(lengths_of_sentences, specs, st.integers(1, 5))
def test_every_plan(lengths: npt.NDArray[np.int32], spec: PlanSpec, epoch: int) -> None:
    before = lengths.copy()
    plan = plan_batches(lengths, spec, epoch)
    found = batches(plan)
    longest = lengths if lengths.ndim == 1 else lengths.max(axis=1)
    assert sorted(number for batch in found for number in batch) == list(range(len(lengths)))
    for batch in found:
        assert batch
        assert not spec.max_sentences or len(batch) <= spec.max_sentences
        assert not spec.max_tokens or len(batch) == 1 or len(batch) * longest[batch].max() <= spec.max_tokens
    assert found == batches(plan_batches(lengths, spec, epoch))
    assert np.array_equal(lengths, before)


@settings(max_examples=300, deadline=None)
@given(lengths_of_sentences, specs)
def test_cuts_are_those_of_a_loop_over_sentences(lengths: npt.NDArray[np.int32], spec: PlanSpec) -> None:
    longest = lengths if lengths.ndim == 1 else lengths.max(axis=1, initial=0)
    expected = greedy(sorted(longest.tolist()), spec.max_tokens, spec.max_sentences, spec.multiple)
    plan = plan_batches(lengths, spec, epoch=1)
    assert sorted(zip(plan.starts.tolist(), plan.ends.tolist(), strict=True)) == [
        (batch[0], batch[-1] + 1) for batch in expected
    ]


@settings(max_examples=50, deadline=None)
@given(lengths_of_sentences, specs)
def test_padding_share_is_that_of_a_loop_over_batches(lengths: npt.NDArray[np.int32], spec: PlanSpec) -> None:
    plan = plan_batches(lengths, spec, epoch=1)
    sides = lengths.reshape(len(lengths), 2 if lengths.ndim == 2 else 1)
    positions = sum(len(batch) * int(sides[batch].max(axis=0).sum()) for batch in batches(plan))
    expected = 1 - int(sides.sum()) / positions if positions else 0.0
    assert padding_share(plan, sides.__getitem__) == pytest.approx(expected)


def test_padding_share_by_hand() -> None:
    lengths = np.array([[2, 4], [3, 1], [5, 5]])
    # batches {0, 1} and {2}: sources 2 x 3 and 5 positions, targets 2 x 4 and 5; 20 tokens in 24 positions
    plan = BatchPlan(np.array([1, 0, 2]), starts=np.array([2, 0]), ends=np.array([3, 2]))
    assert padding_share(plan, lengths.__getitem__) == pytest.approx(4 / 24)
    assert padding_share(plan, lengths.__getitem__, most=1) == 0  # of the second batch, which comes first


def test_batch_seeds() -> None:
    # printf '1 2 3' | b2sum -l 64 gives 19b832b2b004c52a, read as a little-endian number and halved
    assert batch_seed(1, 2, 3) == 0x2AC504B0B232B819 // 2
    seeds = {batch_seed(seed, epoch, index) for seed in range(10) for epoch in range(10) for index in range(100)}
    assert len(seeds) == 10_000
    assert min(seeds) >= 0
    assert max(seeds) < 2**63


def test_a_million_sentences_are_planned_in_few_bytes_and_calls() -> None:
    lengths = np.random.Generator(np.random.Philox(1)).integers(1, 100, (1_000_000, 2)).astype(np.int32)
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    plan = plan_batches(lengths, PlanSpec(max_tokens=4096), epoch=1)
    sys.setprofile(None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(plan) > 10_000
    assert peak < 40 * len(lengths)  # the order itself takes 8
    assert calls < 20 * 100  # for each length some, for a sentence none


def test_the_stream_of_random_bits_is_the_promised_one() -> None:
    plan = plan_batches(np.ones(1000, dtype=np.int64), PlanSpec(max_sentences=10, seed=3), epoch=4)
    order = ",".join(map(str, np.concatenate([plan[index] for index in range(len(plan))])))
    assert hashlib.sha256(order.encode()).hexdigest() == (
        "56b922fc83bd8d8ae78f035c2d93708df99fcf85103f0490e8b2e0898ebbae9c"
    )
