from pathlib import Path

import numpy as np
import pytest

from seqtrain import documents
from seqtrain.base import Batch, PlanSpec, Shard
from seqtrain.data import streamed_pairs
from seqtrain.data.parallel import ParallelDataset
from seqtrain.data.sentences import joined
from seqtrain.data.store import Tokens
from seqtrain.data.streamed_pairs import StreamedPairs
from seqtrain.errors import DataError
from tests.unit.data.memory import peak_of

LIMITS = (12, 10)
SPEC = PlanSpec(max_tokens=60, seed=2, window=64, lanes=2)


def side(seed: int, size: int = 500) -> Tokens:
    random = np.random.Generator(np.random.Philox(seed))
    lengths = random.integers(1, 14, size)
    return Tokens.from_sentences([[*random.integers(4, 90, length - 1).tolist(), 2] for length in lengths.tolist()])


SOURCE, TARGET = side(1), side(2)


@pytest.fixture
def streamed(tmp_path: Path) -> StreamedPairs:
    return StreamedPairs(SOURCE, TARGET, LIMITS, SPEC.window, tmp_path)


def content(batch: Batch) -> dict[int, tuple[list[int], list[int]]]:
    sides = zip(batch.net_input["source_tokens"].tolist(), batch.target.tolist(), strict=True)
    rows = (tuple([id for id in row if id != 1] for row in pair) for pair in sides)
    return dict(zip(batch.ids.tolist(), rows, strict=True))


def test_an_epoch_has_the_pairs_that_data_in_memory_has(streamed: StreamedPairs) -> None:
    in_memory = ParallelDataset(SOURCE, TARGET, LIMITS, for_training=True)
    expected = {
        id: pair for batch in in_memory.batches(epoch=1, plan=PlanSpec()) for id, pair in content(batch).items()
    }
    batches = [content(batch) for batch in streamed.batches(epoch=1, plan=SPEC)]
    assert len(batches) == 50
    assert sum(map(len, batches)) == len(expected) == len(in_memory)
    assert {id: pair for batch in batches for id, pair in batch.items()} == expected
    assert (len(streamed), streamed.num_left_out) == (500, 500 - len(in_memory))
    assert streamed.fingerprint == in_memory.fingerprint


def test_data_in_memory_is_planned_in_windows_too(streamed: StreamedPairs) -> None:
    whole = ParallelDataset(SOURCE, TARGET, (20, 20), for_training=False)
    ids = [batch.ids.tolist() for batch in whole.batches(epoch=1, plan=SPEC)]
    assert sorted(id for batch in ids for id in batch) == list(range(500))
    assert ids != [batch.ids.tolist() for batch in whole.batches(epoch=1, plan=PlanSpec(max_tokens=60, seed=2))]


def test_processes_share_an_epoch_and_go_on_within_it(streamed: StreamedPairs) -> None:
    whole = [(batch.seed, batch.ids.tolist()) for batch in streamed.batches(epoch=3, plan=SPEC)]
    for rank, start in ((0, 0), (1, 0), (1, 41), (0, len(whole))):
        found = streamed.batches(epoch=3, plan=SPEC, shard=Shard(rank, 2), start=start)
        expected = [batch for index, batch in enumerate(whole) if index >= start and index % 2 == rank]
        assert [(batch.seed, batch.ids.tolist()) for batch in found] == expected


def test_lengths_are_counted_once(streamed: StreamedPairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(streamed_pairs, "count_lengths")
    again = StreamedPairs(SOURCE, TARGET, LIMITS, SPEC.window, tmp_path)
    assert len(again.plan(SPEC, 1)) == len(streamed.plan(SPEC, 2))
    with pytest.raises(NameError):
        StreamedPairs(SOURCE, TARGET, LIMITS, 32, tmp_path)


def test_beginnings_count(tmp_path: Path) -> None:
    begun = joined([SOURCE, SOURCE], [[7], []])
    both = joined([TARGET, TARGET], [[], [8, 9]])
    dataset = StreamedPairs(begun, both, LIMITS, 64, tmp_path)
    assert dataset.num_left_out == 1000 - len(ParallelDataset(begun, both, LIMITS, for_training=True))


def test_alignments_change_the_fingerprint_and_no_count(streamed: StreamedPairs) -> None:
    before = streamed.fingerprint
    streamed.align(Tokens.from_sentences([[0]] * 500))
    assert streamed.fingerprint != before
    assert next(iter(streamed.batches(epoch=1, plan=SPEC))).alignments is not None


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="nothing to train on: all 500 pairs have an empty side, or one of more than 1 "
    ):
        StreamedPairs(SOURCE, TARGET, (1, 1), 64, tmp_path)


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = PlanSpec(max_tokens=400, window=4096)
    monkeypatch.setattr(documents, "MAX_JSON_BYTES", 1 << 16)  # so much room is made before a manifest is read

    def first_batches(size: int) -> int:
        offsets = np.cumsum(np.concatenate([[0], np.random.Generator(np.random.Philox(1)).integers(2, 13, size)]))
        tokens = Tokens(np.zeros(offsets[-1], np.uint8), offsets, str(size))

        def read() -> None:
            dataset = StreamedPairs(tokens, tokens, LIMITS, spec.window, tmp_path)
            batches = dataset.batches(epoch=1, plan=spec)
            assert sum(next(batches).nsentences for _ in range(300)) > 8192
            batches.close()  # type: ignore[attr-defined]  # it is a generator

        return peak_of(read)

    small, large = map(first_batches, (40_000, 400_000))
    assert large < 1.2 * small
    assert large < 1_500_000


def test_in_order_of_length_it_is_planned_as_data_in_memory_is(streamed: StreamedPairs) -> None:
    in_memory, spec = ParallelDataset(SOURCE, TARGET, LIMITS, for_training=True), PlanSpec(max_tokens=60, shuffle=False)
    found = [batch.ids.tolist() for batch in streamed.batches(epoch=1, plan=spec)]
    assert found == [batch.ids.tolist() for batch in in_memory.batches(epoch=1, plan=spec)]
