"""The learning rate of each update of a config, without its data and its model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers import REGISTRY, LRScheduler
from seqtrain.optimizers.composite import CompositeConfig, CompositePartConfig, part_rate
from seqtrain.optimizers.sgd import SGD, SGDConfig

EPOCHS = 100
"""Epochs in which a schedule has to change if it goes by them at all."""


@dataclass(frozen=True)
class Schedule:
    """What is drawn: ``rates[n]`` is the rate of update n + 1; ``notes`` say what a drawing cannot."""

    label: str
    rates: Sequence[float]
    notes: Sequence[str] = ()

    def summary(self) -> str:
        """Return the rates that matter, in a line, and a line for each note."""
        first, peak, last = self.rates[0], max(self.rates), self.rates[-1]
        at = f"peak {peak:.3g} at update {self.rates.index(peak) + 1:,}"
        return "\n  ".join([f"{self.label}: first {first:.3g}, {at}, last {last:.3g}", *self.notes])


def schedules_of(label: str, cfg: TrainConfig) -> list[Schedule]:
    """Return the schedules of a config: one, or with ``optimizer=composite`` that of each part, times the run's.

    Raises:
        ConfigError: as of :func:`schedule_of`, or a part's schedule goes by epochs or losses.
    """
    whole = schedule_of(label, cfg)
    if not isinstance(cfg.optimizer, CompositeConfig):
        return [whole]
    return [
        replace(whole, label=f"{label}, part {name}", rates=_part_rates(whole, name, part))
        for name, part in cfg.optimizer.parts.items()
    ]


def schedule_of(label: str, cfg: TrainConfig) -> Schedule:
    """Return the schedule of a config.

    Raises:
        ConfigError: it has no number of updates, or rates that are no numbers.
    """
    if not cfg.training.max_update:
        raise ConfigError("plot draws the rates of training.max_update updates: set it")
    scheduler = _build(cfg)
    rates = [scheduler.lr_at(n) for n in range(cfg.training.max_update)]
    wrong = [n for n, rate in enumerate(rates) if not math.isfinite(rate)]
    if wrong:
        raise ConfigError(f"{label} gives the learning rate {rates[wrong[0]]} after update {wrong[0]}")
    return Schedule(label, rates, list(_notes(cfg)))


def _part_rates(whole: Schedule, name: str, cfg: CompositePartConfig) -> list[float]:
    """Return the rates of a part, of which those of ``whole`` are a factor."""
    rate_at = part_rate(name, cfg, _any_optimizer(cfg.optimizer.lr))
    return [factor * rate_at(n) for n, factor in enumerate(whole.rates)]


def _build(cfg: TrainConfig) -> LRScheduler:
    """Return the scheduler of a config, on any optimizer with the config's rate."""
    return REGISTRY.build(cfg.lr_scheduler, _any_optimizer(cfg.optimizer.lr))


def _any_optimizer(lr: float) -> SGD:
    return SGD(SGDConfig(lr=lr), [("any", nn.Parameter(torch.zeros(1)))])


def _notes(cfg: TrainConfig) -> Iterator[str]:
    """Yield what else the rate goes by, as far as that shows in a run whose loss never falls."""
    if _changes(cfg, None):
        yield "goes by epochs too: drawn as if all were the first"
    elif _changes(cfg, 1.0):
        yield "goes by the validation loss too: drawn as if it always fell"


def _changes(cfg: TrainConfig, val_loss: float | None) -> bool:
    """Tell whether some epochs that end with a loss change the rates."""
    updates, scheduler = cfg.training.max_update, _build(cfg)
    probes = (0, updates // 2, updates - 1)
    scheduler.step_update(updates - 1)
    before = [scheduler.lr_at(n) for n in probes]
    for epoch in range(1, EPOCHS + 1):
        scheduler.step(epoch, val_loss)
        if [scheduler.lr_at(n) for n in probes] != before:
            return True
    return False
