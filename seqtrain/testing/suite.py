"""The contract suite: all checks of a plug-in's kind, run on its config, each with its result."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seqtrain.config import ModelConfig, PluginConfig
from seqtrain.errors import SeqtrainError
from seqtrain.models import REGISTRY, TaskInfo
from seqtrain.registry import kind_of
from seqtrain.testing import criterions, lr_schedulers, models, optimizers, scorers, tasks, tokenizers
from seqtrain.testing.guarantees import Check, Result, Verdict, judge, result_of
from seqtrain.testing.toy import toy_task


@contextmanager
def alone(cfg: PluginConfig) -> Iterator[tuple[Any, ...]]:
    """Yield what checks of a config alone take."""
    yield (cfg,)


@contextmanager
def with_a_task(cfg: PluginConfig) -> Iterator[tuple[Any, ...]]:
    """Yield what checks of a model or a criterion take."""
    yield cfg, (task_for(cfg) if isinstance(cfg, ModelConfig) else toy_task())


@contextmanager
def with_a_corpus(cfg: Any) -> Iterator[tuple[Any, ...]]:
    """Yield what checks of a task take."""
    with tasks.small_corpus(cfg) as small:
        yield (small,)


class Suite(NamedTuple):
    """The checks of a kind, and what makes their arguments of a config."""

    checks: Sequence[Check]
    arguments: Callable[[Any], AbstractContextManager[tuple[Any, ...]]]


SUITES = {
    "model": Suite(models.CHECKS, with_a_task),
    "criterion": Suite(criterions.CHECKS, with_a_task),
    "task": Suite(tasks.CHECKS, with_a_corpus),
    "optimizer": Suite(optimizers.CHECKS, alone),
    "lr_scheduler": Suite(lr_schedulers.CHECKS, alone),
    "tokenizer": Suite(tokenizers.CHECKS, alone),
    "scorer": Suite(scorers.CHECKS, alone),
}
"""The suite of each kind."""


def run_suite(cfg: PluginConfig, directory: Path, seconds: float = math.inf) -> Iterator[Result]:
    """Yield the result of each check of a plug-in.

    Args:
        cfg: the plug-in's config.
        directory: where the user's files lie, to name the line at fault.
        seconds: after which no further check is begun.
    """
    suite, deadline = SUITES[kind_of(cfg)], time.monotonic() + seconds
    with suite.arguments(cfg) as arguments:
        for check in suite.checks:
            if time.monotonic() < deadline:
                yield judge(check, arguments, directory)
            else:
                yield result_of(check, Verdict.not_run, f"{seconds:g} seconds are over")


def task_for(cfg: ModelConfig) -> TaskInfo:
    """Return a small task to build a model for: with two dictionaries, or with one if the model needs it so."""
    try:
        with torch.device("meta"):
            REGISTRY.build(cfg, toy_task())
    except SeqtrainError:
        return toy_task(joint=True)
    except Exception:
        return toy_task()  # the checks will tell
    return toy_task()
