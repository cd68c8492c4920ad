"""What a checkpoint holds of a session besides the model: taken from a trainer, and put back."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from seqtrain.checkpoint import PARAMETERS, Checkpoint, Snapshot
from seqtrain.model_tensors import load_tensors, trained_tensors
from seqtrain.training.environment import OF_NUMBERS, value_changes
from seqtrain.training.hooks.ema import ExponentialMovingAverage
from seqtrain.training.same_data import check_data, describe_data
from seqtrain.training.saved_state import train_state
from seqtrain.training.trainer import Hook, Trainer

log = logging.getLogger(__name__)


def take(
    trainer: Trainer,
    ema: ExponentialMovingAverage | None,
    environment: Mapping[str, Any],
    started: Mapping[str, Any],
) -> Snapshot:
    """Return what training goes on from; the average, if there is one, is applied meanwhile."""
    parts = trainer.parts
    state: dict[str, Any] = {
        "trainer": dataclasses.asdict(trainer.state),
        "lr_scheduler": parts.lr_scheduler.state_dict(),
        "recovery": trainer.guard.state_dict(),
        "loss_scaler": trainer.scaler.state_dict() if trainer.scaler else {},
        "hooks": {name: hook.state_dict() for name, hook in _named(trainer.hooks).items()},
        "micro_batches_per_update": trainer.micro_batches_per_update,
        "data": describe_data(parts.fingerprints()),
        "environment": environment,
        "started": started,
    }
    # While the average is applied, the hook holds what training goes on with.
    return Snapshot(parts.optimizer.state_dict(), state, dict(ema.other) if ema else {})


def put_back(trainer: Trainer, ema: ExponentialMovingAverage | None, saved: Checkpoint) -> None:
    """Let a trainer stand where a checkpoint was taken; the optimizer is then in ``eval``, as it was there.

    Raises:
        CheckpointError: it does not fit the model or the optimizer.
    """
    parts, snapshot = trainer.parts, saved.snapshot()
    state = snapshot.state
    parts.optimizer.eval()
    saved.load_model(parts.model)
    if ema:
        ema.begin()
    if snapshot.parameters:
        load_tensors(trained_tensors(parts.model), snapshot.parameters, f"{saved.path / PARAMETERS}")
    parts.optimizer.load_state_dict(snapshot.optimizer)
    parts.lr_scheduler.load_state_dict(state["lr_scheduler"])
    trainer.guard.load_state_dict(state["recovery"])
    if trainer.scaler and state["loss_scaler"]:
        trainer.scaler.load_state_dict(state["loss_scaler"])
    trainer.state = train_state(state["trainer"])
    for name, hook in _named(trainer.hooks).items():
        if own := state["hooks"].get(name):
            hook.load_state_dict(own)


def compare(trainer: Trainer, saved: Checkpoint, environment: Mapping[str, Any], *, force: bool = False) -> None:
    """Compare what a run goes on with: machine, data, the size of an update.

    Raises:
        CheckpointError: the data is not what it was, and that is not forced.
    """
    state = saved.state()
    for change in value_changes(state["environment"], environment, OF_NUMBERS):
        log.warning("%s: the numbers may differ in their last digits", change)
    check_data(trainer.parts.fingerprints(), saved, state.get("data"), forced=force)
    before, now = state["micro_batches_per_update"], trainer.micro_batches_per_update
    if before != now:
        log.warning("an update takes %d batches from here on, and took %d", now, before)


def _named(hooks: Sequence[Hook]) -> dict[str, Hook]:
    """Return hooks by class; of several of a class, a user's come before seqtrain's own, which has no number."""
    named: dict[str, Hook] = {}
    seen: Counter[str] = Counter()
    for hook in reversed(hooks):
        name = type(hook).__name__
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}-{seen[name]}"] = hook
    return named
