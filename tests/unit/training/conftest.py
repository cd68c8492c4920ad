"""A trainer that stands where a test wants it; hooks only read its state."""

from typing import Any, cast

import pytest

from seqtrain.config import DatasetConfig, TrainConfig, TrainingConfig
from seqtrain.training.state import TrainState
from seqtrain.training.trainer import Hook, Parts, Trainer


class Optimizer:
    lr = 0.25


class Task:
    def splits(self, kind: str) -> list[str]:
        return [kind, f"{kind}1"]


class Reports(Hook):
    """Keeps what hooks reported."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []

    def on_metrics(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        self.metrics.append(metrics)


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def trainer(reports: Reports) -> Trainer:
    cfg = TrainConfig(training=TrainingConfig(max_update=10), dataset=DatasetConfig(max_tokens=8))
    parts = Parts(*cast(Any, (Task(), None, None, Optimizer(), None)))
    return Trainer(cfg, parts, [reports], state=TrainState())
