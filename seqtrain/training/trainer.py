"""The training loop, and nothing else: logging, validation, saving and stopping are hooks."""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from seqtrain.base import (
    Batch,
    Criterion,
    Fingerprint,
    LossOutput,
    LRScheduler,
    Model,
    Optimizer,
    PlanSpec,
    Shard,
    Task,
)
from seqtrain.config import TrainConfig
from seqtrain.errors import TrainingError
from seqtrain.metrics.sums import add_sums
from seqtrain.registry import choice_of
from seqtrain.training.guard import Guard, check_finite
from seqtrain.training.planning import training_plan
from seqtrain.training.precision import LossScaler
from seqtrain.training.state import TrainState, UpdateResult

T = TypeVar("T")


class Hook:
    """One concern beside the loop, such as logging. Never touches gradients, the optimizer or batches.

    Hooks are called in order: at an update those that validate come before those that save.
    """

    def on_start(self, trainer: "Trainer") -> None:
        """Training is about to begin or to go on."""

    def on_update(self, trainer: "Trainer", result: UpdateResult | None) -> None:
        """An update was done (None: it was not applied); ``trainer.state`` is up to date."""

    def on_metrics(self, trainer: "Trainer", metrics: dict[str, float]) -> None:
        """A hook reported metrics, such as ``train/loss`` or ``valid/loss``."""

    def on_return(self, trainer: "Trainer") -> None:
        """Training has gone back to a checkpoint; ``trainer.state`` and the hook's own state are those of then."""

    def on_end(self, trainer: "Trainer") -> None:
        """Training has ended, in whatever way."""

    def state_dict(self) -> dict[str, Any]:
        """Return the hook's own state, as JSON can hold it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""


@dataclass
class Parts:
    """What is trained, and with what."""

    task: Task[Any]
    """Owns the data and the steps."""
    model: Model
    """The network."""
    criterion: Criterion
    """The loss; what seeds, places and compiles it is inside."""
    optimizer: Optimizer
    """Updates the parameters."""
    lr_scheduler: LRScheduler
    """Sets the rate."""
    started_from: Mapping[str, Fingerprint] = field(default_factory=dict)
    """What identifies the checkpoint that the run starts from, if it starts from one."""

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return what training depends on besides its config, by name: the data, and what was read from checkpoints."""
        return {**self.task.fingerprints(), **self.criterion.fingerprints(), **self.started_from}


@dataclass
class Trainer:
    """Runs updates until a hook gives a reason to stop."""

    cfg: TrainConfig
    parts: Parts
    hooks: Sequence[Hook]
    guard: Guard = field(default_factory=Guard)
    scaler: LossScaler | None = None
    """Scales the loss, in a precision that needs it."""
    shard: Shard = Shard()
    state: TrainState = field(default_factory=TrainState)
    stop_reason: str = ""
    """Why training is to end after this update; empty as long as it is not."""
    interrupted: bool = False
    """Whether it ends before its time, to be resumed."""

    @property
    def ended(self) -> bool:
        """Whether training has come to its end, and not just to an interrupt."""
        return bool(self.stop_reason) and not self.interrupted

    @property
    def plan(self) -> PlanSpec:
        """How the training data becomes micro-batches."""
        return training_plan(self.cfg, self.micro_batches_per_update)

    @property
    def micro_batches_per_update(self) -> int:
        """Micro-batches of an update, those of all processes; fewer at the end of an epoch."""
        return self.shard.world * self.cfg.training.update_freq

    def train(self) -> None:
        """Train until a hook gives a reason to stop."""
        self.set_rate()
        self.parts.criterion.train()
        self.parts.optimizer.train()
        with contextlib.ExitStack() as stack:
            for hook in self.hooks:
                hook.on_start(self)
                stack.callback(hook.on_end, self)
            while not self.stop_reason:
                self.train_epoch()

    def train_epoch(self) -> None:
        """Train on what is left of the epoch."""
        state, task, lr_scheduler = self.state, self.parts.task, self.parts.lr_scheduler
        dataset = task.training_dataset(epoch=state.epoch, seed=self.cfg.training.seed)
        itr = task.get_batch_iterator(
            dataset, epoch=state.epoch, plan=self.plan, shard=self.shard, start=state.position
        )
        for batches, is_last in grouped(itr, self.cfg.training.update_freq):
            self.state.end_of_epoch = is_last
            result = self.guard.update(self, batches)
            state = self.state  # another one, if the guard went back to a checkpoint
            state.position += len(batches) * self.shard.world
            state.applied = result is not None
            if state.applied:
                state.num_updates += 1
                self.set_rate()
            for hook in self.hooks:
                hook.on_update(self, result)
            if self.stop_reason:
                return
        # A run that was stopped at the end of an epoch comes here at once, with nothing left to train on.
        state = self.state
        if state.position == 0:
            raise TrainingError("the training data gives no batch: check task.data and task.train")
        lr_scheduler.step(state.epoch, state.val_loss)
        state.epoch, state.position, state.end_of_epoch, state.val_loss = state.epoch + 1, 0, False, None

    def set_rate(self) -> None:
        """Set the learning rate of the next update.

        Raises:
            TrainingError: it is no finite number.
        """
        lr = self.parts.lr_scheduler.step_update(self.state.num_updates)
        if not math.isfinite(lr):
            name = choice_of(self.parts.lr_scheduler)
            raise TrainingError(f"{name} gives the learning rate {lr} after update {self.state.num_updates}")

    def update(self, batches: Sequence[Batch]) -> UpdateResult | None:
        """Accumulate the gradients of the batches, average, clip, step.

        None says that the update was not applied and the clock stands: the gradient overflowed in fp16.

        Raises:
            FaultyUpdate: the loss or the gradient is not finite; nothing was changed but gradients.
        """
        optimizer = self.parts.optimizer
        outputs = self.guard.accumulate(self, batches)
        grad_norm = self.average_and_clip_gradients(outputs)
        loss = sum((output.loss.detach() for output in outputs), grad_norm.new_zeros(()))
        loss_value, norm_value = torch.stack([loss, grad_norm]).tolist()  # here alone a GPU is waited for
        check_finite(loss_value, "loss")
        if self.scaler is not None and self.scaler.overflowed(norm_value):
            optimizer.zero_grad()
            return None
        self.guard.judge(check_finite(norm_value, "gradient"))
        optimizer.step()
        optimizer.zero_grad()
        return UpdateResult(
            sample_size=sum(output.sample_size for output in outputs),
            ntokens=sum(batch.ntokens for batch in batches),
            nsentences=sum(batch.nsentences for batch in batches),
            grad_norm=grad_norm,
            metrics=add_sums(output.metrics for output in outputs),
        )

    def train_step(self, batch: Batch) -> LossOutput:
        """Compute the loss of a batch and add its gradients to those already there."""
        parts = self.parts
        return parts.task.train_step(batch, parts.model, parts.criterion, parts.optimizer)

    def average_and_clip_gradients(self, outputs: Sequence[LossOutput]) -> Tensor:
        """Divide the gradients by the sum of ``sample_size``, clip them, and return their norm before clipping, ().

        Raises:
            TrainingError: there is no gradient.
        """
        gradients = [p.grad for p in self.parts.model.parameters() if p.grad is not None]
        if not gradients:
            raise TrainingError("no parameter got a gradient: does the loss depend on the model?")
        scale = 1.0 if self.scaler is None else self.scaler.scale
        torch._foreach_div_(gradients, scale * max(1, sum(output.sample_size for output in outputs)))
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.cfg.training.clip_norm > 0:
            torch._foreach_mul_(gradients, torch.clamp(self.cfg.training.clip_norm / (norm + 1e-6), max=1.0))
        return norm

    def report(self, metrics: dict[str, float]) -> None:
        """Hand metrics to every hook that shows or stores them."""
        for hook in self.hooks:
            hook.on_metrics(self, metrics)

    def stop(self, reason: str, *, interrupted: bool = False) -> None:
        """End training after this update; the first reason counts."""
        if not self.stop_reason:
            self.stop_reason, self.interrupted = reason, interrupted


def grouped(items: Iterable[T], size: int) -> Iterator[tuple[list[T], bool]]:
    """Yield lists of ``size`` items, fewer in the last, each with whether it is the last."""
    group: list[T] = []
    for item in items:
        if len(group) == size:
            yield group, False
            group = []
        group.append(item)
    if group:
        yield group, True
