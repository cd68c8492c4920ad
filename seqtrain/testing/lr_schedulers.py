"""What every learning-rate scheduler guarantees, as checks for one of your own: ``check_lr_scheduler(MyConfig())``.

Each check builds the scheduler from its config for an optimizer with a rate of 1, and raises AssertionError if
something is wrong.
"""

import json
import math

import torch
from torch import nn

from seqtrain.config import LRSchedulerConfig
from seqtrain.lr_schedulers import REGISTRY, LRScheduler
from seqtrain.optimizers.sgd import SGD, SGDConfig
from seqtrain.testing.configs import check_config
from seqtrain.testing.guarantees import Check

UPDATES = (0, 1, 2, 3, 10, 99, 100, 101, 3999, 4000, 4001, 10**6)


def check_lr_scheduler(cfg: LRSchedulerConfig) -> None:
    """Run all the checks on the scheduler that ``cfg`` describes."""
    for check in CHECKS:
        check(cfg)


def check_finite(cfg: LRSchedulerConfig) -> None:
    """The rate is finite and at least 0 after any number of updates."""
    scheduler = _build(cfg)
    for n in UPDATES:
        lr = scheduler.lr_at(n)
        assert isinstance(lr, float), f"lr_at({n}) is a {type(lr).__name__}, should be a float"
        assert math.isfinite(lr) and lr >= 0, f"lr_at({n}) is {lr}, should be finite and at least 0"


def check_pure(cfg: LRSchedulerConfig) -> None:
    """``lr_at`` depends on the number of updates alone, in whatever order it is asked, and sets nothing."""
    scheduler = _build(cfg)
    before = scheduler.optimizer.lr
    rates = {n: scheduler.lr_at(n) for n in UPDATES}
    assert scheduler.optimizer.lr == before, "lr_at sets the optimizer's rate: leave that to step_update"
    again = {n: scheduler.lr_at(n) for n in reversed(UPDATES)}
    assert rates == again, "lr_at depends on what it was asked before: compute the rate from num_updates"


def check_base_rate(cfg: LRSchedulerConfig) -> None:
    """``lr_at`` starts from the config's rate, not from the one that the optimizer has at the moment."""
    scheduler = _build(cfg)
    rates = {n: scheduler.lr_at(n) for n in UPDATES}
    scheduler.optimizer.lr = 0.125
    again = {n: scheduler.lr_at(n) for n in UPDATES}
    assert rates == again, "lr_at reads the optimizer's present rate, which it set itself: take self.base_lr instead"


def check_step_update(cfg: LRSchedulerConfig) -> None:
    """``step_update`` sets the optimizer's rate to ``lr_at``, and returns it."""
    scheduler = _build(cfg)
    for n in UPDATES:
        lr = scheduler.step_update(n)
        assert lr == scheduler.lr_at(n), f"step_update({n}) returns {lr}, should be {scheduler.lr_at(n)}"
        assert scheduler.optimizer.lr == lr, f"the optimizer's rate is {scheduler.optimizer.lr}, should be {lr}"


def check_resume(cfg: LRSchedulerConfig) -> None:
    """One that takes over the state, by way of JSON, gives the same rates and goes on the same."""
    scheduler = _run(_build(cfg), range(1, 4))
    resumed = _build(cfg)
    resumed.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    resumed.step_update(30)
    hidden = "return from state_dict all that lr_at depends on"
    found, expected = resumed.optimizer.lr, scheduler.optimizer.lr
    assert found == expected, f"the rate is {found:g} after a resume, {expected:g} before: {hidden}"
    for one in (scheduler, resumed):
        _run(one, range(4, 7))
    rates = [[one.lr_at(n) for n in UPDATES] for one in (scheduler, resumed)]
    assert rates[0] == rates[1], f"the scheduler goes on otherwise with its own state loaded: {hidden}"


CHECKS: tuple[Check, ...] = (
    check_config,
    check_finite,
    check_pure,
    check_base_rate,
    check_step_update,
    check_resume,
)


def _build(cfg: LRSchedulerConfig) -> LRScheduler:
    optimizer = SGD(SGDConfig(lr=1.0), [("weight", nn.Parameter(torch.zeros(1)))])
    return REGISTRY.build(cfg, optimizer)


def _run(scheduler: LRScheduler, epochs: range) -> LRScheduler:
    """Run epochs of 10 updates, with a validation loss that rises and falls."""
    for epoch in epochs:
        for n in range(10 * epoch - 9, 10 * epoch + 1):
            scheduler.step_update(n)
        scheduler.step(epoch, 2.0 + (-1) ** epoch)
    return scheduler
