"""What does not fit is done in halves, and gives the same sums."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch

from seqtrain.base import Batch, LossOutput
from seqtrain.errors import TrainingError
from seqtrain.training.out_of_memory import Halving, is_out_of_memory
from seqtrain.training.trainer import Trainer


class Machine:
    """Stands for a trainer whose memory holds so many positions; keeps which sentences it was given."""

    def __init__(self, positions: int) -> None:
        self.positions = positions
        self.parts = self.optimizer = self
        self.done: list[list[int]] = []
        self.calls = 0

    def zero_grad(self) -> None:
        self.done.clear()

    def train_step(self, batch: Batch) -> LossOutput:
        self.calls += 1
        if batch.target.numel() > self.positions:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        self.done.append(batch.ids.tolist())
        return LossOutput(torch.tensor(0.0), batch.ntokens, {})


def make_batch(rows: int, length: int, first: int = 0) -> Batch:
    ids = torch.arange(first, first + rows)
    target = torch.full((rows, length), 4)
    target[:, -1] = 1  # padding
    return Batch(ids, {"source_tokens": target, "beam": torch.tensor(3)}, target, rows * (length - 1), rows, seed=7)


def accumulate(halving: Halving, machine: Machine, batches: Sequence[Batch]) -> list[LossOutput]:
    return halving.accumulate(cast(Trainer, machine), batches)


def test_what_fits_is_done_as_it_is() -> None:
    machine = Machine(100)
    assert len(accumulate(Halving(), machine, [make_batch(5, 4)])) == 1
    assert machine.done == [[0, 1, 2, 3, 4]]


def test_halves_until_they_fit_and_all_of_the_update_again() -> None:
    machine = Machine(10)
    outputs = accumulate(Halving(), machine, [make_batch(2, 4, first=90), make_batch(7, 4)])
    # 7 do not fit, 4 and 3 do not fit, 2 and 2 and 2 and 1 do; the first batch fits and is counted once.
    assert machine.done == [[90, 91], [0, 1], [2, 3], [4, 5], [6]]
    assert sum(output.sample_size for output in outputs) == 9 * 3


def test_the_cap_is_remembered_for_that_length_and_longer_ones() -> None:
    halving, machine = Halving(), Machine(10)
    accumulate(halving, machine, [make_batch(4, 4)])
    machine.calls = 0
    accumulate(halving, machine, [make_batch(4, 4), make_batch(3, 5), make_batch(5, 2)])
    assert machine.calls == 2 + 2 + 1  # nothing failed: in halves at once, shorter sentences whole


def test_a_replay_knows_the_caps() -> None:
    halving, other = Halving(), Halving()
    accumulate(halving, Machine(10), [make_batch(4, 4)])
    other.load_state_dict(halving.state_dict())
    assert [len(piece.ids) for piece in other.pieces(make_batch(4, 4))] == [2, 2]


def test_one_sentence_that_does_not_fit() -> None:
    with pytest.raises(TrainingError, match=r"one sentence of 40 tokens.*task.max_source_positions"):
        accumulate(Halving(), Machine(10), [make_batch(3, 40)])


def test_another_error_is_not_taken_for_it() -> None:
    class Faulty(Machine):
        def train_step(self, batch: Batch) -> LossOutput:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        accumulate(Halving(), Faulty(10), [make_batch(3, 4)])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("no"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            True,
        ),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (MemoryError(), True),
        (RuntimeError("size mismatch"), False),
        (ValueError("x"), False),
    ],
)
def test_what_counts_as_out_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_rows_of_a_batch() -> None:
    batch = make_batch(5, 4, first=10)
    part: Any = batch.rows(2, 4)
    assert part.ids.tolist() == [12, 13]
    assert part.net_input["source_tokens"].shape == part.target.shape == (2, 4)
    assert part.net_input["beam"] == 3
    assert (part.ntokens, part.nsentences) == (6, 2)
    assert part.seed != batch.seed and batch.rows(0, 2).seed != part.seed
