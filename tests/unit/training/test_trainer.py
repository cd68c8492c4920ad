"""The loop with recording fakes: what is called, in which order, with which numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Batch, LossOutput, LRScheduler, Optimizer, Sum
from seqtrain.config import DatasetConfig, LRSchedulerConfig, OptimizerConfig, TrainConfig, TrainingConfig
from seqtrain.errors import TrainingError
from seqtrain.training.guard import FaultyUpdate, Guard
from seqtrain.training.precision import LossScaler
from seqtrain.training.state import TrainState, UpdateResult
from seqtrain.training.trainer import Hook, Parts, Trainer, grouped

Calls = list[Any]


def make_batch(value: float) -> Batch:
    return Batch(torch.tensor([0]), {"x": torch.tensor([value])}, torch.tensor([[0]]), ntokens=2, nsentences=1)


class FakeModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 0.0]))


class FakeOptimizer(Optimizer):
    def __init__(self, calls: Calls, model: FakeModel) -> None:
        self.calls, self.model, self._lr = calls, model, 0.5

    @property
    def lr(self) -> float:
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value

    def backward(self, loss: Tensor) -> None:
        self.calls.append("backward")
        super().backward(loss)

    def step(self) -> None:
        assert self.model.weight.grad is not None
        self.calls.append(("step", self.model.weight.grad.tolist(), self._lr))

    def zero_grad(self) -> None:
        self.calls.append("zero_grad")
        self.model.weight.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        pass


class FakeScheduler(LRScheduler):
    def __init__(self, calls: Calls, optimizer: Optimizer) -> None:
        super().__init__(LRSchedulerConfig(), optimizer)
        self.calls = calls

    def lr_at(self, num_updates: int) -> float:
        return 10.0 + num_updates

    def step_update(self, num_updates: int) -> float:
        self.calls.append(("step_update", num_updates))
        return super().step_update(num_updates)

    def step(self, epoch: int, val_loss: float | None) -> None:
        self.calls.append(("scheduler.step", epoch, val_loss))


class FakeTask:
    """Three micro-batches an epoch: with update_freq 2 an update of two and one of one."""

    def __init__(self, calls: Calls, values: Iterable[float] = (1.0, 2.0, 3.0)) -> None:
        self.calls, self.values = calls, list(values)

    def training_dataset(self, *, epoch: int, seed: int) -> str:
        return f"train {epoch}, seed {seed}"

    def get_batch_iterator(self, dataset: str, *, epoch: int, plan: Any, shard: Any, start: int) -> Iterator[Batch]:
        self.calls.append(("iterator", dataset, epoch, start))
        return iter([make_batch(value) for value in self.values[start:]])

    def train_step(self, batch: Batch, model: FakeModel, criterion: Any, optimizer: Optimizer) -> LossOutput:
        self.calls.append("train_step")
        loss = (model.weight * batch.net_input["x"]).sum()
        optimizer.backward(loss)
        return LossOutput(loss, sample_size=2, metrics={"loss": Sum(loss.detach(), 2.0)})


class ScaledTask(FakeTask):
    """Scales its loss, as the criterion of a session does in fp16."""

    def __init__(self, calls: Calls, scaler: LossScaler) -> None:
        super().__init__(calls)
        self.scaler = scaler

    def train_step(self, batch: Batch, model: FakeModel, criterion: Any, optimizer: Optimizer) -> LossOutput:
        loss = (model.weight * batch.net_input["x"] / 2.0**28).sum() * 2.0**28
        self.scaler.attach(loss)
        optimizer.backward(loss)
        return LossOutput(loss, sample_size=2, metrics={"loss": Sum(loss.detach(), 2.0)})


class StopAfter(Hook):
    def __init__(self, calls: Calls, num_updates: int) -> None:
        self.calls, self.num_updates = calls, num_updates

    def on_start(self, trainer: Trainer) -> None:
        self.calls.append("start")

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        self.calls.append(("update", trainer.state.num_updates, trainer.state.position, trainer.state.end_of_epoch))
        if trainer.state.num_updates == self.num_updates:
            trainer.stop("enough")

    def on_end(self, trainer: Trainer) -> None:
        self.calls.append("end")


def make_trainer(
    *, num_updates: int, clip_norm: float = 0.0, values: Iterable[float] = (1, 2, 3)
) -> tuple[Trainer, Calls]:
    calls: Calls = []
    model = FakeModel()
    optimizer = FakeOptimizer(calls, model)
    parts = Parts(
        cast(Any, FakeTask(calls, values)),
        cast(Any, model),
        cast(Any, nn.Module()),
        optimizer,
        FakeScheduler(calls, optimizer),
    )
    cfg = TrainConfig(
        optimizer=OptimizerConfig(lr=0.5),
        training=TrainingConfig(max_update=10, update_freq=2, clip_norm=clip_norm),
        dataset=DatasetConfig(max_tokens=8),
    )
    return Trainer(cfg, parts, [StopAfter(calls, num_updates)]), calls


def test_the_documented_flow() -> None:
    trainer, calls = make_trainer(num_updates=3)
    trainer.train()
    assert calls == [
        ("step_update", 0),
        "start",
        ("iterator", "train 1, seed 1", 1, 0),
        *("train_step", "backward", "train_step", "backward"),
        ("step", [0.75, 0.75], 10.0),  # (1 + 2) / (2 + 2): the sum over the sum of sample sizes, at lr_at(0)
        "zero_grad",
        ("step_update", 1),
        ("update", 1, 2, False),
        *("train_step", "backward"),
        ("step", [1.5, 1.5], 11.0),
        "zero_grad",
        ("step_update", 2),
        ("update", 2, 3, True),
        ("scheduler.step", 1, None),
        ("iterator", "train 2, seed 1", 2, 0),
        *("train_step", "backward", "train_step", "backward"),
        ("step", [0.75, 0.75], 12.0),
        "zero_grad",
        ("step_update", 3),
        ("update", 3, 2, False),
        "end",
    ]
    assert trainer.stop_reason == "enough"


def test_a_resumed_epoch_starts_where_it_stopped() -> None:
    trainer, calls = make_trainer(num_updates=2)
    trainer.state.num_updates, trainer.state.position = 1, 2
    trainer.train()
    assert calls[0] == ("step_update", 1)
    assert ("iterator", "train 1, seed 1", 1, 2) in calls
    assert calls.count("train_step") == 1


def test_an_epoch_that_had_ended_goes_on_with_the_next() -> None:
    trainer, calls = make_trainer(num_updates=3)
    trainer.state.num_updates, trainer.state.position, trainer.state.end_of_epoch = 2, 3, True
    trainer.train()
    assert calls[1:5] == [
        "start",
        ("iterator", "train 1, seed 1", 1, 3),
        ("scheduler.step", 1, None),
        ("iterator", "train 2, seed 1", 2, 0),
    ]


class ValidatesOnce(Hook):
    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        if trainer.state.num_updates == 2:
            trainer.state.val_loss = 1.5


def test_the_scheduler_learns_a_loss_once() -> None:
    trainer, calls = make_trainer(num_updates=5)
    trainer.hooks = [ValidatesOnce(), *trainer.hooks]
    trainer.train()
    assert [call for call in calls if call[0] == "scheduler.step"] == [
        ("scheduler.step", 1, 1.5),
        ("scheduler.step", 2, None),
    ]


def test_a_learning_rate_that_is_no_number_ends_training_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, calls = make_trainer(num_updates=5)
    monkeypatch.setattr(FakeScheduler, "lr_at", lambda self, num_updates: float("nan") if num_updates else 0.5)
    with pytest.raises(TrainingError, match="FakeScheduler gives the learning rate nan after update 1"):
        trainer.train()
    assert [call[2] for call in calls if call[0] == "step"] == [0.5]


def test_gradients_are_clipped_after_averaging() -> None:
    trainer, calls = make_trainer(num_updates=1, clip_norm=0.5, values=[6.0, 10.0])
    result = trainer.update([make_batch(6.0), make_batch(10.0)])  # average (4, 4), norm sqrt(32)
    assert result is not None
    assert result.grad_norm.item() == pytest.approx(5.65685, abs=1e-4)
    step = next(call for call in calls if call[0] == "step")
    assert step[1] == pytest.approx([0.353553, 0.353553], abs=1e-5)
    assert (result.sample_size, result.ntokens, result.nsentences) == (4, 4, 2)
    assert result.metrics["loss"].value == pytest.approx(16.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_updates_nothing(value: float) -> None:
    trainer, calls = make_trainer(num_updates=1)
    with pytest.raises(FaultyUpdate, match="the loss is not finite"):
        trainer.update([make_batch(value)])
    assert not any(call[0] == "step" for call in calls)


def test_a_gradient_that_is_not_finite_updates_nothing() -> None:
    trainer, calls = make_trainer(num_updates=1)
    (weight,) = trainer.parts.model.parameters()
    weight.register_hook(lambda gradient: gradient * float("nan"))  # type: ignore[no-untyped-call]
    with pytest.raises(FaultyUpdate, match=r"the gradient is not finite \(nan\)"):
        trainer.update([make_batch(1.0)])
    assert not any(call[0] == "step" for call in calls)


def test_a_fault_ends_training_where_nothing_guards_it_and_hooks_end_too() -> None:
    trainer, calls = make_trainer(num_updates=1, values=[float("nan")])
    with pytest.raises(TrainingError):
        trainer.train()
    assert calls[-1] == "end"


def test_a_gradient_that_overflows_is_not_applied_and_the_clock_stands() -> None:
    """In the first backward pass 2**100 * 2**28 is more than fp32 holds; in the next, at half the scale, it is not."""
    trainer, calls = make_trainer(num_updates=2)
    scaler = trainer.scaler = LossScaler(2.0**100, window=100)
    trainer.parts.task = ScaledTask(calls, scaler)  # type: ignore[assignment]
    trainer.train()
    updates = [call for call in calls if call[0] in ("update", "step")]
    assert updates == [
        ("update", 0, 2, False),
        ("step", [1.5, 1.5], 10.0),
        ("update", 1, 3, True),
        ("step", [0.75, 0.75], 11.0),
        ("update", 2, 2, False),
    ]
    assert scaler.scale == 2.0**99
    assert not trainer.parts.model.weight.grad


class Restoring(Guard):
    """Skips the second update and puts another state in place, as going back does."""

    def __init__(self) -> None:
        self.calls = 0

    def update(self, trainer: Trainer, batches: Any) -> UpdateResult | None:
        self.calls += 1
        if self.calls != 2:
            return super().update(trainer, batches)
        trainer.state = replace(trainer.state, num_updates=0)
        return None


def test_a_state_that_the_guard_puts_in_place_is_gone_on_with() -> None:
    trainer, calls = make_trainer(num_updates=2)
    trainer.guard = Restoring()
    trainer.train()
    updates = [call for call in calls if call[0] == "update"]
    assert updates == [
        ("update", 1, 2, False),
        ("update", 0, 3, True),
        ("update", 1, 2, False),
        ("update", 2, 3, True),
    ]


def test_an_update_that_was_not_applied_makes_nothing_due_but_the_end_of_an_epoch() -> None:
    state = TrainState(num_updates=4, epoch=2, end_of_epoch=True)
    assert state.is_due(0, 2) and state.is_due(2, 0)
    state.applied = False
    assert not state.is_due(0, 2)
    assert state.is_due(2, 0)


class Unstartable(Hook):
    def on_start(self, trainer: Trainer) -> None:
        raise RuntimeError("no")

    def on_end(self, trainer: Trainer) -> None:
        raise AssertionError("it never started")


def test_a_hook_that_does_not_start_is_not_ended_but_those_before_it_are() -> None:
    trainer, calls = make_trainer(num_updates=1)
    trainer.hooks = [*trainer.hooks, Unstartable()]
    with pytest.raises(RuntimeError, match="no"):
        trainer.train()
    assert calls[-2:] == ["start", "end"]


def test_data_without_a_batch_ends_training() -> None:
    trainer, _ = make_trainer(num_updates=1, values=[])
    with pytest.raises(TrainingError, match="gives no batch"):
        trainer.train()


def test_grouped_knows_the_last() -> None:
    assert list(grouped([1, 2, 3, 4, 5], 2)) == [([1, 2], False), ([3, 4], False), ([5], True)]
    assert list(grouped([1, 2, 3, 4], 2)) == [([1, 2], False), ([3, 4], True)]
    assert list(grouped([], 2)) == []
