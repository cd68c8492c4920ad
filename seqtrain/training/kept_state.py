"""What of a checkpoint's training a fine-tuned run goes on with, besides the parameters."""

import contextlib
import dataclasses
from collections.abc import Iterator

from seqtrain.base import differences
from seqtrain.checkpoint import OPTIMIZER, STATE
from seqtrain.composition import to_container
from seqtrain.config import Reset, TrainConfig
from seqtrain.errors import CheckpointError, SeqtrainError
from seqtrain.registry import REGISTRIES
from seqtrain.training.environment import flat
from seqtrain.training.finetuning import Origin, naming_origin
from seqtrain.training.same_data import recorded_data
from seqtrain.training.saved_state import taking_over, train_state
from seqtrain.training.trainer import Trainer

OF_THE_PLAN = ("dataset.", "task.", "training.seed")
"""Keys, or what they begin with, on which the order of the data depends."""
NOT_OF_THE_PLAN = ("dataset.cache_dir", "task.data")


def keep_state(trainer: Trainer, origin: Origin) -> None:
    """Let a trainer go on with what ``saving.reset`` leaves out; all else stays as it begins.

    Raises:
        CheckpointError: that does not fit this run.
    """
    for part, keep in ((Reset.optimizer, _optimizer), (Reset.lr_scheduler, _schedule), (Reset.data, _place)):
        if part in trainer.cfg.saving.kept:
            with naming_origin(trainer.cfg.saving), _naming_the_way_out(part):
                keep(trainer, origin)


@contextlib.contextmanager
def _naming_the_way_out(part: Reset) -> Iterator[None]:
    """End a message with what to do if a part need not go on."""
    try:
        yield
    except SeqtrainError as error:
        raise type(error)(f"{error}; or let saving.reset name {part.value}, which begins it anew") from error


def _optimizer(trainer: Trainer, origin: Origin) -> None:
    _check_same("optimizer", trainer.cfg, origin)
    optimizer = trainer.parts.optimizer
    optimizer.eval()  # which is how a checkpoint is saved
    with taking_over(origin.checkpoint.path / OPTIMIZER):
        optimizer.load_state_dict(origin.checkpoint.snapshot().optimizer)


def _schedule(trainer: Trainer, origin: Origin) -> None:
    """Keep the schedule's state and the clock, which is all that a rate depends on."""
    _check_same("lr_scheduler", trainer.cfg, origin)
    file, most = origin.checkpoint.path / STATE, trainer.cfg.training.max_update
    with taking_over(file):
        state = origin.checkpoint.state()
        num_updates = train_state(state["trainer"]).num_updates
        if 0 < most <= num_updates:
            raise CheckpointError(f"{file}: the clock stands at update {num_updates}: set training.max_update above it")
        trainer.parts.lr_scheduler.load_state_dict(state["lr_scheduler"])
    trainer.state.num_updates = num_updates


def _place(trainer: Trainer, origin: Origin) -> None:
    """Keep the place in the data, which is one only in the same data, in the same order."""
    file, most = origin.checkpoint.path / STATE, trainer.cfg.training.max_epoch
    with taking_over(file):
        state = origin.checkpoint.state()
        there = train_state(state["trainer"])
        recorded = recorded_data(origin.checkpoint, state.get("data"))
    now = trainer.parts.task.fingerprints()
    changed = differences({name: recorded[name] for name in recorded if name in now}, now)
    if lines := [*changed, *_changed_plan(trainer.cfg, origin.cfg)]:
        raise CheckpointError(f"{file}: its place in the data is none here: {'; '.join(lines[:5])}")
    place = {name: getattr(there, name) for name in ("epoch", "position", "end_of_epoch", "val_loss")}
    trainer.state = dataclasses.replace(trainer.state, **place)
    if 0 < most <= trainer.state.epochs_done:
        raise CheckpointError(
            f"{file}: it stands after epoch {trainer.state.epochs_done}: set training.max_epoch above it"
        )


def _check_same(kind: str, cfg: TrainConfig, origin: Origin) -> None:
    ours, theirs = (REGISTRIES[kind].entry_of(getattr(of, kind)).name for of in (cfg, origin.cfg))
    if ours != theirs:
        raise CheckpointError(f"{origin.checkpoint.path} has the state of {kind}={theirs}, not of {kind}={ours}")


def _changed_plan(ours: TrainConfig, theirs: TrainConfig) -> Iterator[str]:
    before, now = (dict(flat(to_container(cfg))) for cfg in (theirs, ours))
    for key in now:
        if key.startswith(OF_THE_PLAN) and key not in NOT_OF_THE_PLAN and now[key] != before.get(key):
            yield f"{key} was {before.get(key)} and is {now[key]}"
