"""Real runs in which updates are faulty, or do not fit into memory: they go on, and a replay does the same."""

import json
import signal
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seqtrain.base import Batch, LossOutput, Optimizer
from seqtrain.checkpoint import Checkpoint
from seqtrain.nn.feed_forward import FeedForward
from seqtrain.training import recovery
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Trainer
from tests.integration.runs import metrics, untimed

Call = Callable[..., Any]
Place = tuple[int, int]

RUN = [
    "model.dropout=0.1",
    "training.update_freq=2",
    "dataset.max_tokens=256",
    "training.log_interval=3",
    "validation.interval_updates=7",
    "saving.interval_updates=5",
    "saving.keep_last=0",
]
"""12 updates an epoch, the last of one micro-batch and the others of two."""

NAN, SPIKE = float("nan"), 1e4


def break_updates(monkeypatch: pytest.MonkeyPatch, places: Collection[Place], factor: float = NAN) -> None:
    """Multiply the loss, and with it the gradient, of the updates that begin at these (epoch, micro-batch)."""

    def train_step(self: Trainer, batch: Batch) -> LossOutput:
        parts = self.parts
        output: LossOutput = parts.criterion(parts.model, batch)
        if (self.state.epoch, self.state.position) in places:
            output = output._replace(loss=output.loss * factor)
        parts.optimizer.backward(output.loss)
        return output

    monkeypatch.setattr(Trainer, "train_step", train_step)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Let Ctrl-C come in so manyth an update, applied or not."""
    on_update, seen = Limits.on_update, iter(range(1, 1000))

    def interrupt(self: Limits, trainer: Trainer, result: UpdateResult | None) -> None:
        if next(seen) == calls:
            signal.raise_signal(signal.SIGINT)
        on_update(self, trainer, result)

    monkeypatch.setattr(Limits, "on_update", interrupt)


def state(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / "last/training/state.json").read_text())
    return loaded


def model(run: Path) -> dict[str, Tensor]:
    return load_file(run / "last/model.safetensors")


def without_times(run: Path) -> tuple[list[Any], dict[str, Any]]:
    """Return the metrics and the state of a run but for the clock."""
    last = state(run)
    return metrics(run), {**last, "trainer": untimed(last["trainer"])}


def assert_same_end(run: Path, other: Path) -> None:
    assert (run / "last").resolve().name == (other / "last").resolve().name
    for file in ("model.safetensors", "training/optimizer.safetensors"):
        assert (run / "last" / file).read_bytes() == (other / "last" / file).read_bytes(), file
    assert without_times(run) == without_times(other)


def test_a_faulty_update_is_named_and_skipped(
    train: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_updates(monkeypatch, {(1, 12)})
    ended = train(*RUN)
    assert ended.code == 0, ended.err
    assert "update 7 is faulty: the loss is not finite (nan), first in the backward pass of" in ended.out
    assert f"with {data}/train.en:" in ended.out
    assert "skipped, the parameters are as they were" in ended.out
    (report,) = (tmp_path / "run/faults").iterdir()
    record = json.loads(report.read_text())
    assert (record["update"], record["epoch"], record["micro_batches"]) == (7, 1, [12, 14])
    lines = [int(sentence.rpartition(":")[2]) for sentence in record["sentences"]]
    assert len(set(lines)) == len(lines) > 4 and all(1 <= line <= 260 for line in lines)
    saved = state(tmp_path / "run")
    assert saved["recovery"]["skipped"] == [{"from": [1, 12], "to": [1, 14]}]
    assert saved["trainer"]["num_updates"] == 24
    assert all(tensor.isfinite().all() for tensor in model(tmp_path / "run").values())


def test_the_module_that_made_it_is_named(train: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    places, forward = {(1, 12)}, FeedForward.forward
    now: list[Place] = []

    def train_step(self: Trainer, batch: Batch) -> LossOutput:
        now[:] = [(self.state.epoch, self.state.position)]
        parts = self.parts
        return parts.task.train_step(batch, parts.model, parts.criterion, parts.optimizer)

    def broken(self: FeedForward, x: Tensor) -> Tensor:
        output = forward(self, x)
        return output / 0 if places.issuperset(now) and self.training else output

    monkeypatch.setattr(Trainer, "train_step", train_step)
    monkeypatch.setattr(FeedForward, "forward", broken)
    ended = train(*RUN)
    assert ended.code == 0, ended.err
    assert (
        "update 7 is faulty: the loss is not finite (nan), first in the output of encoder.layers.0.feed_forward"
        in ended.out
    )


FAULTS = {
    "one": {(1, 12)},
    "the last of an epoch": {(1, 22)},
    "too many in a row": {(1, 16), (1, 18), (1, 20)},
    "over the end of an epoch": {(1, 20), (1, 22), (2, 0)},
    "and again": {(1, position) for position in range(12, 24, 2)},
}


@pytest.mark.parametrize("places", FAULTS.values(), ids=FAULTS)
def test_a_replay_is_the_same(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Collection[Place]
) -> None:
    break_updates(monkeypatch, places)
    ended = train(*RUN, f"hydra.run.dir={tmp_path / 'alone'}")
    assert ended.code == 0, ended.err
    assert state(tmp_path / "alone")["recovery"]["faults"] == len(places)
    for calls in (7, 9, 12):
        run = tmp_path / f"interrupted-{calls}"
        with monkeypatch.context() as patch:
            interrupt_after(patch, calls)
            assert train(*RUN, f"hydra.run.dir={run}").code == 130
        assert call(f"resume={run}").code == 0
        assert_same_end(run, tmp_path / "alone")


def test_fault_after_fault_goes_back_to_the_last_checkpoint(
    train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_updates(monkeypatch, {(1, 14), (1, 16), (1, 18)})
    ended = train(*RUN, "validation.interval_updates=0")
    assert ended.code == 0, ended.err
    assert "gone back to update 5, without what came after it" in ended.out
    assert state(tmp_path / "run")["recovery"]["skipped"] == [
        {"from": [1, 14], "to": [1, 16]},
        {"from": [1, 16], "to": [1, 18]},
        {"from": [1, 10], "to": [1, 20]},
    ]
    reported = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    updates = [line["num_updates"] for line in reported if "train/loss" in line]
    assert updates == sorted(set(updates)), "what was reported after update 5 was cut off"


@pytest.mark.parametrize(("epochs", "keep_last"), [(1, 0), (2, 1)])
def test_a_checkpoint_of_an_interrupt_does_not_outlive_going_back(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int, keep_last: int
) -> None:
    """After update 8 it goes back to 5, ends the epoch with 6, and later goes back to that."""
    break_updates(monkeypatch, {(1, 16), (1, 18), (1, 20), (2, 0), (2, 2), (2, 4)})
    options = [*RUN, "training.max_update=0", f"training.max_epoch={epochs}", "validation.interval_updates=0"]
    options += [f"saving.keep_last={keep_last}", "saving.keep_best=0"]
    assert train(*options, f"hydra.run.dir={tmp_path / 'alone'}").code == 0
    with monkeypatch.context() as patch:
        interrupt_after(patch, 8)
        assert train(*options).code == 130
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", tmp_path / "alone")


def test_a_rerun_of_a_checkpoint_from_after_going_back(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to update 6 twice, and to that checkpoint the second time."""
    break_updates(monkeypatch, {(1, 16), (1, 18), (1, 20)})
    assert train(*RUN, "validation.interval_updates=0", "training.max_update=9").code == 0
    saved = tmp_path / "run/checkpoints/update-00000006"
    repeated = call("rerun", f"checkpoint={saved}", f"hydra.run.dir={tmp_path / 'again'}")
    assert repeated.code == 0, repeated.out


def test_a_faulty_update_at_a_time_limit(call: Call, train: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resume gets beyond it, however short its time is."""
    break_updates(monkeypatch, {(1, 4)})
    options = [*RUN, "training.max_update=4", "training.stop_time_hours=1e-9", "resume=auto"]
    assert [train(*options).code for _ in range(5)] == [75, 75, 75, 0, 0]


def test_without_a_checkpoint_to_go_back_to(train: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    break_updates(monkeypatch, {(1, 0), (1, 2), (1, 4)})
    assert "it is fault 3, and there is no checkpoint to go back to. Reports are in" in train(*RUN).refused()


def test_too_many_faults_end_with_a_report(train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_updates(monkeypatch, {(1, 4), (1, 12), (1, 20)})
    message = train(*RUN, "training.max_faults=2").refused()
    assert "that is fault 3, and training.max_faults=2" in message
    assert str(tmp_path / "run/faults") in message
    assert len(list((tmp_path / "run/faults").iterdir())) == 3


def test_a_report_that_the_disk_refuses(
    train: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/faults").write_text("in the way")
    break_updates(monkeypatch, {(1, 12)})
    ended = train(*RUN)
    assert ended.code == 0, ended.err
    assert "no report on a faulty update" in ended.out
    assert f"with {data}/train.en:" in ended.out


def test_parameters_that_diverge(train: Call) -> None:
    message = train("optimizer.lr=1e30", "lr_scheduler.warmup_updates=0").refused()
    assert "update 2 is faulty: the loss is not finite" in message


def test_a_spike(train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "USUAL", 8)
    break_updates(monkeypatch, {(1, 4), (1, 20)}, SPIKE)
    ended = train(*RUN, "training.spike_factor=100")
    assert ended.code == 0, ended.err
    # The first comes before 8 norms are known.
    assert state(tmp_path / "run")["recovery"]["skipped"] == [{"from": [1, 20], "to": [1, 22]}]
    assert "update 11 is faulty: the norm of its gradient is" in ended.out


def lack_memory(monkeypatch: pytest.MonkeyPatch, positions: int) -> None:
    """Let a pass over more target positions than that fail as on a GPU that is full."""
    train_step = Trainer.train_step

    def fail(self: Trainer, batch: Batch) -> LossOutput:
        if batch.target.numel() > positions:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return train_step(self, batch)

    monkeypatch.setattr(Trainer, "train_step", fail)


def test_out_of_memory_gives_the_same_weights(train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [*RUN, "model.dropout=0", "optimizer=sgd", "optimizer.lr=0.1"]
    assert train(*plain, f"hydra.run.dir={tmp_path / 'alone'}").code == 0
    lack_memory(monkeypatch, 100)
    ended = train(*plain)
    assert ended.code == 0, ended.err
    assert 2 <= ended.out.count("out of memory on") < 10, "each cap is remembered"
    for name, tensor in model(tmp_path / "alone").items():
        torch.testing.assert_close(model(tmp_path / "run")[name], tensor, rtol=0, atol=1e-6)
    metrics, alone = (without_times(tmp_path / run)[0] for run in ("run", "alone"))
    assert [line["num_updates"] for line in metrics] == [line["num_updates"] for line in alone]


def test_a_replay_knows_what_does_not_fit(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack_memory(monkeypatch, 100)
    assert train(*RUN, f"hydra.run.dir={tmp_path / 'alone'}").code == 0
    with monkeypatch.context() as patch:
        interrupt_after(patch, 8)
        assert train(*RUN).code == 130
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", tmp_path / "alone")


def test_a_sentence_that_does_not_fit(train: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    lack_memory(monkeypatch, 10)
    assert "out of memory on one sentence of" in train(*RUN).refused()


EMA = [*RUN, "training.ema=true", "ema.decay=0.9", "ema.start_update=3"]


@pytest.mark.parametrize("calls", [2, 9, 13])
def test_the_average_goes_on_after_an_interrupt(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    assert train(*EMA, f"hydra.run.dir={tmp_path / 'alone'}").code == 0
    with monkeypatch.context() as patch:
        interrupt_after(patch, calls)
        assert train(*EMA).code == 130
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", tmp_path / "alone")
    parameters = "last/training/parameters.safetensors"
    assert (tmp_path / "run" / parameters).read_bytes() == (tmp_path / "alone" / parameters).read_bytes()


def test_the_average_is_what_is_saved_and_validated(train: Call, call: Call, tmp_path: Path) -> None:
    """Parameters do not depend on it; what is saved as the model is their average and not they."""
    assert train(*RUN, f"hydra.run.dir={tmp_path / 'plain'}").code == 0
    assert train(*EMA).code == 0
    plain, average = model(tmp_path / "plain"), model(tmp_path / "run")
    raw = load_file(tmp_path / "run/last/training/parameters.safetensors")
    assert all(torch.equal(raw[name], plain[name]) for name in raw)
    assert not any(torch.equal(average[name], plain[name]) for name in raw)
    plain_losses, losses = (
        [line["valid/loss"] for line in without_times(tmp_path / run)[0] if "valid/loss" in line]
        for run in ("plain", "run")
    )
    assert len(plain_losses) == len(losses) and losses[-1] != plain_losses[-1]
    scores = json.loads(call("evaluate", f"checkpoint={tmp_path / 'run/last'}", "split=valid", "device=cpu").out)
    assert scores["loss"] == pytest.approx(losses[-1], rel=1e-5)


def test_bf16_goes_on_after_an_interrupt(
    call: Call, train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*RUN, "training.precision=bf16"]
    assert train(*options, f"hydra.run.dir={tmp_path / 'alone'}").code == 0
    with monkeypatch.context() as patch:
        interrupt_after(patch, 9)
        assert train(*options).code == 130
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", tmp_path / "alone")


@pytest.mark.parametrize("override", ["training.device=cpu", "training.device=auto"])
def test_fp16_on_a_cpu(train: Call, override: str) -> None:
    if override.endswith("auto") and (torch.cuda.is_available() or torch.backends.mps.is_available()):
        pytest.skip("this machine has a GPU")
    assert "training.precision=fp16 needs a GPU" in train("training.precision=fp16", override).refused()


def test_an_optimizer_with_two_sets_of_parameters_goes_back_to_the_right_ones(
    train: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is saved is what it holds in ``eval``: so it is loaded, and trained on in ``train``."""
    break_updates(monkeypatch, FAULTS["too many in a row"])
    calls: list[str] = []

    def noted(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def call(*arguments: Any) -> None:
            calls.append(name)
            original(*arguments)

        monkeypatch.setattr(owner, name, call)

    for owner, name in ((Optimizer, "eval"), (Optimizer, "train"), (Checkpoint, "load_model")):
        noted(owner, name)
    assert train(*RUN, "training.max_update=12", "validation.interval_updates=0").code == 0
    loaded = calls.index("load_model")
    assert calls[loaded - 1 : loaded + 2] == ["eval", "load_model", "train"]
