import json

import pytest
import torch

from seqtrain.base import Sum
from seqtrain.training.hooks.train_metrics import TrainMetrics
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Trainer


def result(loss: float, ntokens: int, norm: float) -> UpdateResult:
    metrics = {"loss": Sum(torch.tensor(loss), ntokens)}
    return UpdateResult(ntokens, ntokens, 1, torch.tensor(norm), metrics)


def test_averages_by_weight_at_each_interval(trainer: Trainer) -> None:
    hook = TrainMetrics(log_interval=2)
    hook.on_update(trainer, result(6.0, 2, 1.0))
    reported = trainer.hooks[0].metrics  # type: ignore[attr-defined]  # the fixture's Reports
    assert reported == []
    hook.on_update(trainer, result(4.0, 8, 3.0))
    assert reported[0].pop("train/tokens_per_second") > 0
    assert reported == [{"train/loss": 1.0, "train/grad_norm": 2.0, "train/lr": 0.25}]


def test_the_end_reports_the_rest_but_an_interrupt_leaves_it_for_the_resume(trainer: Trainer) -> None:
    reported = trainer.hooks[0].metrics  # type: ignore[attr-defined]  # the fixture's Reports
    first, second = TrainMetrics(log_interval=2), TrainMetrics(log_interval=2)
    trainer.stop("interrupted", interrupted=True)
    first.on_update(trainer, result(6.0, 2, 1.0))
    assert reported == []
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    trainer.stop_reason, trainer.interrupted = "enough", False
    second.on_update(trainer, result(4.0, 8, 3.0))
    assert reported[0]["train/loss"] == pytest.approx(1.0)
    assert reported[0]["train/grad_norm"] == pytest.approx(2.0)
