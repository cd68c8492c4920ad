"""Whether a config gives the same numbers twice; planted faults are found and named."""

import contextlib
import io
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.training.trace import Kind, read_trace

Call = Callable[..., Any]

FAULTS = Path(__file__).parents[1] / "fixtures" / "unrepeatable"
SEARCHPATH = f"hydra.searchpath=[{FAULTS}]"
SHORT = ["updates=4", "dataset.max_tokens=256", "training.update_freq=2", "model.dropout=0.1"]
UNSEEDED = "draws numbers that training.seed does not govern"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr("tempfile.tempdir", None)
    return directory


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do the runs in this process: all that matters but for the order of sets."""

    def run_to_end(command: Sequence[str | Path], environment: dict[str, str], stdout: int) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            cli.main([str(word) for word in command[3:]])

    with monkeypatch.context() as patch:
        patch.setattr("seqtrain.commands._runs.run_to_end", run_to_end)
        yield


@pytest.fixture
def verify(call: Call, tiny: list[str], temporary: Path) -> Call:
    return lambda *overrides: call("verify", *tiny, *SHORT, *overrides)


def test_the_same_in_processes_of_their_own(verify: Call, temporary: Path, tmp_path: Path) -> None:
    long = ["training.max_update=1000", "training.log_interval=3", "training.ema=true"]
    done = verify(f"keep={tmp_path / 'kept'}", *long)
    assert (done.code, done.err) == (0, "")
    one, two, three = done.out.splitlines()
    assert one.startswith("run 1: 4 updates, ") and two == "run 2: the same"
    assert three == "run 3: the same, stopped after update 2 and resumed"
    records = list(read_trace(tmp_path / "kept/run-1.jsonl"))
    assert {record.kind for record in records} == set(Kind)
    names = {(r.update, r.micro_batch, r.name) for r in records if r.kind is Kind.metric or r.kind is Kind.output}
    assert {(2, 0, "valid/loss"), (4, 0, "valid/loss"), (4, 2, "model.decoder.layers.0.dropout")} <= names
    assert one == f"run 1: 4 updates, {len(records):,} tensors and numbers"
    # The config is that of a long run: no schedule sees that it is cut short.
    assert ("training.max_update", "1000") in {(r.name, r.value) for r in records if r.kind is Kind.config}
    assert not list(temporary.glob("seqtrain-*"))


@pytest.mark.slow
def test_the_order_of_a_set(verify: Call) -> None:
    done = verify(SEARCHPATH, "task=set_order")
    assert done.code == 1, done.err
    assert "run 2 differs from run 1\n  where:      update 1, micro-batch 1, batch " in done.out
    assert "points to:  the order of a set" in done.out and "Look in the task or the dataset" in done.out


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize(
    ("fault", "where", "points_to"),
    [
        (
            "model=unseeded_dropout",
            "update 1, micro-batch 1, output of model.encoder.layers.0.dropout",
            f"the module model.encoder.layers.0.dropout {UNSEEDED}",
        ),
        ("criterion=clock_seed", "update 1, micro-batch 1, output of criterion .loss", f"the criterion {UNSEEDED}"),
        (
            "model=unseeded_init",
            "update 0, parameter output_projection.weight",
            f"initialisation: the model {UNSEEDED}",
        ),
        ("training.seed=${now:%f}", "update 0, config value training.seed", "a value of the config that is made from"),
    ],
)
def test_numbers_without_the_seed(verify: Call, fault: str, where: str, points_to: str) -> None:
    done = verify(SEARCHPATH, fault)
    assert done.code == 1, done.err
    assert f"run 2 differs from run 1\n  where:      {where}\n" in done.out
    assert f"points to:  {points_to}" in done.out
    traces = [Path(trace) for trace in done.out.split("traces:     ")[1].split()]
    assert [trace.name for trace in traces] == ["run-1.jsonl", "run-2.jsonl"]
    assert all(trace.is_file() for trace in traces)


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize(
    ("fault", "where", "points_to"),
    [
        (
            "model=lost_state",
            "update 3, micro-batch 1, output of model.decoder.layers.0.dropout",
            "an attribute of the module model.decoder.layers.0.dropout changes while it trains",
        ),
        ("optimizer=lost_momentum", "update 2, optimizer state ", "what state_dict() of the optimizer returns"),
    ],
)
def test_state_that_a_resume_loses(verify: Call, fault: str, where: str, points_to: str) -> None:
    done = verify(SEARCHPATH, fault)
    assert done.code == 1, done.err
    assert f"run 2: the same\nrun 3 differs from run 1 after the resume\n  where:      {where}" in done.out
    assert f"points to:  state that the checkpoint does not hold: {points_to}" in done.out


@pytest.mark.usefixtures("one_process")
def test_compiled_modules_are_not_traced(verify: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("torch.nn.Module.compile", lambda self, **options: None)
    done = verify("training.compile=true", f"keep={tmp_path / 'kept'}")
    assert done.code == 0, done.err
    assert "training.compile=true: what goes into and out of modules is not traced" in done.out
    kinds = {record.kind for record in read_trace(tmp_path / "kept/run-1.jsonl")}
    assert {Kind.batch, Kind.loss, Kind.gradient, Kind.parameter} <= kinds
    assert not kinds & {Kind.input, Kind.output}


@pytest.mark.usefixtures("one_process")
def test_training_that_ends_before_the_stop(verify: Call, temporary: Path) -> None:
    message = verify("training.max_update=2").refused()
    assert message == "training ends after update 2: with updates=4 it has no middle to stop in"
    assert not list(temporary.glob("seqtrain-*"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("updates=1", "updates=1: must be a whole number, at least 2"),
        ("updates=many", "updates=many: must be a whole number"),
        ("resume=auto", "verify starts runs of one config: leave out resume=auto"),
        ("--multirun", "verify starts runs of one config: leave out --multirun"),
        ("keep=.", "keep=. is there already"),
        ("model.dropuot=1", "did you mean model.dropout?"),
    ],
)
def test_refused_before_anything_runs(verify: Call, temporary: Path, word: str, message: str) -> None:
    assert message in verify(word).refused()
    assert not list(temporary.glob("seqtrain-*"))


@pytest.mark.slow
def test_a_run_that_cannot_be_done(verify: Call, temporary: Path, tmp_path: Path) -> None:
    assert f"{tmp_path / 'nowhere'}" in verify(f"task.data={tmp_path / 'nowhere'}").refused()
    assert not list(temporary.glob("seqtrain-*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all(start: Call, tiny: list[str], temporary: Path, tmp_path: Path, number: int) -> None:
    with start(
        "verify", *tiny, "updates=1000000", "training.max_update=0", "training.max_epoch=9999", cwd=tmp_path
    ) as process:
        while not list(temporary.glob("*/run-1/train.log")):
            time.sleep(0.1)
        process.send_signal(number)
        try:
            assert process.communicate(timeout=30)[1] == b""
        finally:
            process.kill()
    assert process.returncode == 128 + number
    assert not list(temporary.glob("seqtrain-*"))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["model=unseeded_dropout", "criterion=clock_seed", "model=lost_state"])
def test_faults_in_processes_of_their_own(verify: Call, fault: str) -> None:
    done = verify(SEARCHPATH, fault)
    assert done.code == 1, done.err
    assert "points to:  " in done.out and "the order of a set" not in done.out
