"""The scorers of a decoded split, beside those that its run had."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from enum import Enum

from seqtrain.config import ScorerConfig
from seqtrain.trained import TrainedModel
from seqtrain.training.evaluation import check_scorers

logger = logging.getLogger(__name__)


def check_scorers_of(trained: TrainedModel, configs: Mapping[str, ScorerConfig], splits: Iterable[str]) -> None:
    """Check that all is there to score with, and tell where scores will not compare with those of the run.

    Raises:
        ConfigError: a scorer needs a package that is not installed.
    """
    check_scorers(trained.task, configs, splits)
    if options := " ".join(_other_options(configs, trained.cfg.scorer)):
        logger.warning("the run was scored in another way; to compare with its scores, add %s", options)


def _other_options(configs: Mapping[str, ScorerConfig], of_run: Mapping[str, ScorerConfig]) -> Iterator[str]:
    """Yield each option of a scorer that both have, as the run has it, where it is another here."""
    for name, cfg in configs.items():
        for option in fields(of_run[name]) if name in of_run else ():
            value = getattr(of_run[name], option.name)
            if getattr(cfg, option.name, value) != value:
                yield f"scorer.{name}.{option.name}={value.value if isinstance(value, Enum) else value}"
