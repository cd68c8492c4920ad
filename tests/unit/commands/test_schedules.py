import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from seqtrain.commands._schedules import Schedule, schedule_of, schedules_of
from seqtrain.composition import compose
from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers import REGISTRY, LRScheduler, LRSchedulerConfig

EPOCHS = ["goes by epochs too: drawn as if all were the first"]
LOSS = ["goes by the validation loss too: drawn as if it always fell"]


def schedule(*overrides: str) -> Schedule:
    return schedule_of("label", compose(["training.max_update=4", "optimizer.lr=2", *overrides]))


def test_the_rates_are_those_of_the_updates() -> None:
    found = schedule("lr_scheduler=linear", "lr_scheduler.warmup_updates=2")
    assert found == Schedule("label", [0.0, 1.0, 2.0, 1.0], [])
    assert found.summary() == "label: first 0, peak 2 at update 3, last 1"
    assert Schedule("label", [1.0], ["one", "two"]).summary().split("\n")[1:] == ["  one", "  two"]


def test_any_optimizer_gives_the_rate() -> None:
    assert schedule("lr_scheduler=fixed", "optimizer=sgd", "optimizer.lr=0.5").rates == [0.5] * 4
    assert schedule("lr_scheduler=fixed", "optimizer=adam", "optimizer.lr=0.5").rates == [0.5] * 4


@pytest.mark.parametrize(
    ("overrides", "notes"),
    [
        (["lr_scheduler=fixed"], []),
        (["lr_scheduler=fixed", "lr_scheduler.lr_per_epoch=[2,1]"], EPOCHS),
        (["lr_scheduler=polynomial_decay"], []),
        (["lr_scheduler=polynomial_decay", "lr_scheduler.force_anneal=3"], EPOCHS),
        (["lr_scheduler=manual", "lr_scheduler.epoch2lr={1:1,60:0.5}"], EPOCHS),
        (["lr_scheduler=manual", "lr_scheduler.update2lr={1:1,2:0.5}"], []),
        (["lr_scheduler=reduce_lr_on_plateau"], LOSS),
        (["lr_scheduler=reduce_lr_on_plateau", "lr_scheduler.lr_patience=9"], LOSS),
        (["lr_scheduler=pass_through"], []),
        (["lr_scheduler=cosine"], []),
    ],
)
def test_what_else_the_rate_goes_by(overrides: list[str], notes: list[str]) -> None:
    assert list(schedule(*overrides).notes) == notes


def test_each_part_of_a_composite_has_a_schedule_times_the_runs() -> None:
    parts = ["optimizer=composite", "+optimizer@optimizer.parts.a.optimizer=sgd", "optimizer.parts.a.optimizer.lr=4"]
    parts += ["+lr_scheduler@optimizer.parts.a.lr_scheduler=linear", "optimizer.parts.a.pattern=embed"]
    parts += ["+optimizer@optimizer.parts.b.optimizer=adam", "optimizer.parts.b.optimizer.lr=3"]
    run = ["training.max_update=4", "lr_scheduler=fixed", "lr_scheduler.warmup_updates=2"]
    found = schedules_of("label", compose([*run, *parts]))
    # linear falls to 0 by quarters; the warm-up of the run halves the first rate
    assert found == [
        Schedule("label, part a", [2.0, 3.0, 2.0, 1.0], []),
        Schedule("label, part b", [1.5, 3.0, 3.0, 3.0], []),
    ]
    assert [s.label for s in schedules_of("label", compose(run))] == ["label"]


def test_without_a_number_of_updates() -> None:
    with pytest.raises(ConfigError, match=r"^plot draws the rates of training.max_update updates: set it$"):
        schedule("lr_scheduler=fixed", "training.max_update=0", "training.max_epoch=3")


@dataclass
class BrokenConfig(LRSchedulerConfig):
    """A scheduler that gives no number."""


class Broken(LRScheduler):
    def lr_at(self, num_updates: int) -> float:
        return math.nan if num_updates == 2 else 1.0


@pytest.fixture
def broken() -> Iterator[None]:
    REGISTRY.register("broken", BrokenConfig)(Broken)
    yield
    REGISTRY.forget({__name__})


@pytest.mark.usefixtures("broken")
def test_a_rate_that_is_no_number() -> None:
    with pytest.raises(ConfigError, match=r"^label gives the learning rate nan after update 2$"):
        schedule("lr_scheduler=broken")
