"""Validates: loss, and decoded text where asked."""

import math
from collections.abc import Callable

from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.training.hooks.interrupt import INTERRUPTED
from seqtrain.training.trainer import Hook, Trainer, TrainState, UpdateResult


class Validation(Hook):
    """Validates when it is due and when training ends; keeps the best value and stops when patience is over."""

    def __init__(self, cfg: TrainConfig, validate: Callable[[Trainer, str], dict[str, float]]) -> None:
        self.cfg = cfg
        self.validate = validate

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Validate if it is due."""
        if not self._is_due(trainer):
            return
        metrics: dict[str, float] = {}
        for split in trainer.parts.task.splits("valid"):
            metrics |= {f"{split}/{name}": value for name, value in self.validate(trainer, split).items()}
        self.record(trainer.state, metrics)
        trainer.report(metrics)
        patience = self.cfg.training.patience
        if 0 < patience <= trainer.state.num_validations_since_best:
            trainer.stop(f"no better {self.cfg.saving.metric} in {patience} validations (training.patience)")

    def record(self, state: TrainState, metrics: dict[str, float]) -> None:
        """Note the loss, and whether ``saving.metric`` is the best so far.

        Raises:
            ConfigError: there is no such metric.
        """
        name = self.cfg.saving.metric
        if name not in metrics:
            raise ConfigError(f"saving.metric={name}: validation gives {', '.join(metrics)}")
        state.val_loss = metrics.get("valid/loss")
        value = metrics[name]
        better = state.best is None or (value > state.best if self.cfg.saving.maximize else value < state.best)
        if better and not math.isnan(value):
            state.best, state.num_validations_since_best = value, 0
        else:
            state.num_validations_since_best += 1

    def _is_due(self, trainer: Trainer) -> bool:
        cfg, state = self.cfg.validation, trainer.state
        if trainer.stop_reason not in ("", INTERRUPTED):
            return True
        # Also at an interrupt: a resume goes on after this update, and would never make up for it.
        return is_due(state, cfg.interval_epochs, cfg.interval_updates)


def is_due(state: TrainState, interval_epochs: int, interval_updates: int) -> bool:
    """Tell whether something is to be done at every so many epochs or updates (0: never) after this update."""
    by_epoch = interval_epochs > 0 and state.end_of_epoch and state.epoch % interval_epochs == 0
    return by_epoch or (interval_updates > 0 and state.num_updates % interval_updates == 0)
