"""Validates: loss, and decoded text where asked."""

import math
from collections.abc import Callable

from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.metrics.parts import averages
from seqtrain.training.state import TrainState, UpdateResult
from seqtrain.training.trainer import Hook, Trainer


class Validation(Hook):
    """Validates when it is due and when training ends; keeps the best value and stops when patience is over."""

    def __init__(self, cfg: TrainConfig, validate: Callable[[Trainer, str], dict[str, float]]) -> None:
        self.cfg = cfg
        self.validate = validate

    def on_start(self, trainer: Trainer) -> None:
        """Stop at once where a run that is resumed has lost patience already."""
        self._check_patience(trainer)

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Validate if it is due."""
        if not (trainer.parts.task.splits("valid") and self._is_due(trainer)):
            return
        metrics: dict[str, float] = {}
        for split in trainer.parts.task.splits("valid"):
            metrics |= {f"{split}/{name}": value for name, value in self.validate(trainer, split).items()}
        metrics |= averages(metrics)
        self.record(trainer.state, metrics)
        trainer.report(metrics)
        self._check_patience(trainer)

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
        rank = self.cfg.saving.rank
        if not math.isnan(value) and (state.best is None or rank(value) < rank(state.best)):
            state.best, state.num_validations_since_best = value, 0
        else:
            state.num_validations_since_best += 1

    def _check_patience(self, trainer: Trainer) -> None:
        patience = self.cfg.training.patience
        if 0 < patience <= trainer.state.num_validations_since_best:
            trainer.stop(f"no better {self.cfg.saving.metric} in {patience} validations (training.patience)")

    def _is_due(self, trainer: Trainer) -> bool:
        cfg = self.cfg.validation
        # Also at an interrupt: a resume goes on after this update, and would never make up for it.
        return trainer.ended or trainer.state.is_due(cfg.interval_epochs, cfg.interval_updates)
