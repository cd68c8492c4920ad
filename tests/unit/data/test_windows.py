from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtrain.base import PlanSpec
from seqtrain.data.plan import plan_batches
from seqtrain.data.seeds import derive_seed
from seqtrain.data.windows import Ints, WindowedPlan, Windows, batches_of_windows, count_lengths
from tests.unit.data.memory import peak_of

SPEC = PlanSpec(max_tokens=64, seed=3, lanes=3)


class Simulated:
    """Sentences whose lengths are computed from their numbers; notes what is asked for."""

    def __init__(self, left_out: int = 0) -> None:
        self.asked: list[Ints] = []
        self.left_out = left_out

    def measure(self, positions: Ints) -> tuple[Ints, npt.NDArray[np.int32]]:
        self.asked.append(positions)
        kept = positions[positions % 10 >= self.left_out]
        bits = kept.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return kept, np.stack([1 + (bits >> np.uint64(60)), 1 + (bits << np.uint64(7) >> np.uint64(60))], 1).astype(
            np.int32
        )


def sizes_of(windows: Windows, spec: PlanSpec, data: Simulated) -> Ints:
    return batches_of_windows(count_lengths(windows, data), spec)


def epoch_of(size: int, window: int, spec: PlanSpec = SPEC, epoch: int = 1, left_out: int = 0) -> list[list[int]]:
    windows, data = Windows(size, window), Simulated(left_out)
    plan = WindowedPlan(windows, data, sizes_of(windows, spec, data), spec, epoch)
    return [plan[index].tolist() for index in range(len(plan))]


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 700),
    window=st.integers(1, 900),
    lanes=st.integers(1, 9),
    limit=st.sampled_from([17, 64, 300]),
    left_out=st.sampled_from([0, 3, 10]),
)
def test_each_sentence_comes_once(size: int, window: int, lanes: int, limit: int, left_out: int) -> None:
    batches = epoch_of(size, window, PlanSpec(max_tokens=limit, seed=1, lanes=lanes), left_out=left_out)
    seen = [number for batch in batches for number in batch]
    assert sorted(seen) == [number for number in range(size) if number % 10 >= left_out]
    for batch in batches:
        _, lengths = Simulated().measure(np.array(batch))
        assert batch and len(batch) * lengths.max() <= limit


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 2000), window=st.integers(1, 900))
def test_windows_divide_the_corpus_into_runs(size: int, window: int) -> None:
    windows = Windows(size, window)
    parts = [windows[number] for number in range(len(windows))]
    assert np.sort(np.concatenate(parts)).tolist() == list(range(size))
    for part in parts:
        assert len(part) <= window
        runs = part // windows.run
        together = zip(pairwise(part), pairwise(runs), strict=True)
        assert all(a + 1 == b for (a, b), (one, other) in together if one == other)
        assert part.tolist() == sorted(part.tolist())


def test_a_batch_is_of_one_window_and_lanes_take_turns() -> None:
    windows = Windows(3000, 300)
    owner = {int(sentence): number for number in range(len(windows)) for sentence in windows[number]}
    owners = [{owner[sentence] for sentence in batch} for batch in epoch_of(3000, 300)]
    assert all(len(found) == 1 for found in owners)
    numbers = [found.pop() for found in owners]
    assert len(set(numbers[:3])) == 3
    assert numbers[:30] == numbers[:3] * 10
    assert len(set(numbers)) == len(windows) == 10


def plain(size: int, window: int, spec: PlanSpec, epoch: int) -> list[list[int]]:
    """Plan all windows, and deal them out: to compare with."""
    windows, data, done = Windows(size, window), Simulated(), list[list[list[int]]]()
    for number in range(len(windows)):
        sentences, lengths = data.measure(windows[number])
        alone = PlanSpec(max_tokens=spec.max_tokens, seed=derive_seed("window", spec.seed, number))
        plan = plan_batches(lengths, alone, epoch)
        done.append([sentences[plan[index]].tolist() for index in range(len(plan))])
    bits = np.random.Philox(np.random.SeedSequence([spec.seed, epoch])).random_raw(len(windows))
    order = sorted(range(len(windows)), key=lambda number: int(bits[number]))
    num_lanes = min(spec.lanes, len(windows))
    lanes = [[batch for number in order[lane::num_lanes] for batch in done[number]] for lane in range(num_lanes)]
    share = sum(map(len, lanes)) // num_lanes
    spare = [batch for lane in lanes for batch in lane[share:]]
    for lane in lanes:
        while len(lane) < share:
            lane.append(spare.pop(0))
    return [lane[row] for row in range(share) for lane in lanes] + spare


@settings(max_examples=50, deadline=None)
@given(
    size=st.integers(1, 900), window=st.integers(20, 300), lanes=st.integers(1, 9), limit=st.sampled_from([17, 64, 300])
)
def test_it_is_what_planning_all_windows_and_dealing_them_out_gives(
    size: int, window: int, lanes: int, limit: int
) -> None:
    spec = PlanSpec(max_tokens=limit, seed=3, lanes=lanes)
    assert epoch_of(size, window, spec, epoch=4) == plain(size, window, spec, epoch=4)


@pytest.mark.parametrize("lanes", [1, 4])
def test_any_batch_is_found_by_its_number(lanes: int) -> None:
    spec = PlanSpec(max_tokens=64, seed=3, lanes=lanes)
    windows, data = Windows(3000, 300), Simulated()
    sizes = sizes_of(windows, spec, data)
    whole = epoch_of(3000, 300, spec)
    for start in (0, 1, len(whole) // 2, len(whole) - 1):
        plan = WindowedPlan(windows, data, sizes, spec, 1)
        data.asked.clear()
        assert [plan[index].tolist() for index in range(start, len(plan))] == whole[start:]
        assert len(data.asked) <= len(windows)


def test_seed_and_epoch_change_the_order_and_nothing_else_does() -> None:
    first = epoch_of(3000, 300)
    assert epoch_of(3000, 300) == first
    for other in (epoch_of(3000, 300, epoch=2), epoch_of(3000, 300, PlanSpec(max_tokens=64, seed=4, lanes=3))):
        assert other != first
        assert sorted(map(sorted, other)) != sorted(map(sorted, first))


def test_a_process_reads_the_windows_of_its_lanes_and_few_others() -> None:
    windows, spec = Windows(100_000, 2500), PlanSpec(max_tokens=256, seed=1, lanes=8)
    sizes = sizes_of(windows, spec, Simulated())
    for rank in range(4):
        data = Simulated()
        plan = WindowedPlan(windows, data, sizes, spec, 1)
        for index in range(rank, len(plan), 4):
            assert len(plan[index])
        read = len({int(asked[0]) for asked in data.asked})
        assert 10 <= read <= 10 + 4  # of 40 windows; at the end some of lanes that have more batches than others


def simulate(size: int, window: int) -> int:
    """Count all lengths of a corpus and plan the first batches of an epoch; return how many batches it has."""
    windows, data = Windows(size, window), Simulated()
    data.asked = _Forgets()
    spec = PlanSpec(max_tokens=4096, lanes=2)
    plan = WindowedPlan(windows, data, sizes_of(windows, spec, data), spec, 1)
    assert all(len(plan[index]) for index in range(0, 400))
    return len(plan)


class _Forgets(list[Ints]):
    def append(self, _: Ints) -> None:
        """Keep nothing."""


def test_memory_does_not_grow_with_the_corpus() -> None:
    small, large = (peak_of(partial(simulate, size, 1 << 15)) for size in (1 << 18, 1 << 21))
    assert large < 1.1 * small
    assert large < 140 * (1 << 15)  # bytes for each sentence of a window


@pytest.mark.slow
def test_a_billion_sentences() -> None:
    size, window = 1_000_000_000, 1 << 20
    assert peak_of(lambda: simulate(size, window)) < 140 * window
    windows = Windows(size, window)
    firsts = np.concatenate([windows[number][:: windows.run] for number in range(len(windows))])
    assert np.array_equal(np.sort(firsts), np.arange(0, size, windows.run))
    assert sum(len(windows[number]) for number in range(len(windows))) == size
