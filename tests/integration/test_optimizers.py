"""Optimizers in whole runs: interrupted and resumed to the same bytes; what is validated, saved and frozen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtrain.checkpoint import Checkpoint
from tests.integration.conftest import DECODE
from tests.integration.runs import metrics, send_in_update

Call = Callable[..., Any]

RUNS = {
    "schedule_free": ["optimizer=schedule_free_adamw", "lr_scheduler=fixed", "optimizer.weight_decay=0.1"],
    "composite": [
        "optimizer=composite",
        "+optimizer@optimizer.parts.layers.optimizer=muon",
        "optimizer.parts.layers.pattern=layers",
        "+lr_scheduler@optimizer.parts.layers.lr_scheduler=inverse_sqrt",
        "optimizer.parts.layers.lr_scheduler.warmup_updates=3",
        "+optimizer@optimizer.parts.rest.optimizer=schedule_free_adamw",
        "optimizer.lr=1",
        "lr_scheduler=fixed",
    ],
    "frozen": ["optimizer=adafactor", "optimizer.frozen=[embed]", "optimizer.layer_decay=0.5", "training.ema=true"],
}
"""Each with other parameters to evaluate than to train with, or with something else that a resume must restore."""

SHORT = [
    "model.dropout=0.1",
    "training.max_update=9",
    "dataset.max_tokens=256",
    "validation.interval_updates=4",
    "saving.interval_updates=3",
    "saving.keep_last=0",
]


@pytest.mark.parametrize("name", RUNS)
def test_interrupted_and_resumed(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    overrides = [*SHORT, *RUNS[name]]
    whole = train(*overrides, f"hydra.run.dir={tmp_path / 'whole'}")
    assert whole.code == 0, whole.err
    with monkeypatch.context() as patch:
        send_in_update(patch, 5)
        assert train(*overrides).code == 130
    resumed = call(f"resume={tmp_path / 'run'}")
    assert resumed.code == 0, resumed.err
    for file in ("model.safetensors", "training/optimizer.safetensors", "metrics.json"):
        assert (tmp_path / "run/last" / file).read_bytes() == (tmp_path / "whole/last" / file).read_bytes(), file
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")


def test_what_is_validated_and_saved_is_the_average(call: Call, train: Call, tmp_path: Path) -> None:
    assert train(*SHORT, *RUNS["schedule_free"], "training.max_update=4").code == 0
    saved = Checkpoint.open(tmp_path / "run/checkpoints/update-00000004")
    model, state = saved.model(), saved.snapshot().optimizer
    for name, x in model.items():
        y = 0.9 * x + 0.1 * state[f"{name}.z"]
        torch.testing.assert_close(state[f"{name}.y"], y, rtol=1e-4, atol=1e-6)
    assert any(not torch.equal(x, state[f"{name}.y"]) for name, x in model.items())
    evaluated = call("evaluate", f"checkpoint={saved.path}", "split=valid", *DECODE)
    assert json.loads(evaluated.out)["loss"] == pytest.approx(saved.metrics()["valid/loss"], rel=1e-6)


def test_frozen_parameters_stay_and_have_no_state(train: Call, tmp_path: Path) -> None:
    assert train(*SHORT, *RUNS["frozen"]).code == 0
    early, late = (Checkpoint.open(tmp_path / f"run/checkpoints/update-0000000{n}") for n in (3, 9))
    same = [name for name, tensor in early.model().items() if torch.equal(tensor, late.model()[name])]
    frozen = [name for name in early.model() if "embed" in name]
    assert same == frozen and len(frozen) > 1
    snapshot = late.snapshot()
    assert not any("embed" in entry for entry in [*snapshot.optimizer, *snapshot.parameters])
    assert snapshot.optimizer and snapshot.parameters


def test_a_pattern_that_freezes_nothing(train: Call) -> None:
    message = train("optimizer.frozen=[embed,nothing]").refused()
    assert message.startswith("optimizer.frozen: 'nothing' is found in no parameter's name; there are: encoder.")
