"""What a scheduler sends: training saves and ends with the exit code 75, and ``resume=auto`` goes on."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.checkpoint import Checkpoint
from seqtrain.training.session import Session
from tests.integration.runs import metrics, send_in_update

Call = Callable[..., Any]

EXACT = [
    "resume=auto",
    "training.num_threads=1",
    "model.dropout=0.1",
    "dataset.max_tokens=256",
    "training.log_interval=1",
    "validation.interval_epochs=0",
    "saving.interval_epochs=0",
]
VALIDATING = [*EXACT, "validation.interval_updates=2", "validation.generate=true", "generation.max_len_b=150"]
"""Decoding takes nearly all of the time."""
END = 14


@pytest.mark.parametrize(
    ("overrides", "line", "wait"), [(EXACT, b"update 3: train", 0.0), (VALIDATING, b"update 4: valid", 0.1)]
)
def test_sigterm_in_a_process_and_auto_goes_on_to_the_same_bytes(
    start: Call, call: Call, tiny: list[str], tmp_path: Path, overrides: list[str], line: bytes, wait: float
) -> None:
    run = tmp_path / "run"
    arguments = [*tiny, *overrides, f"hydra.run.dir={run}"]
    with start(*arguments, "training.max_update=100000", cwd=tmp_path) as process:
        assert process.stdout is not None
        shown = next(shown for shown in process.stdout if line in shown)
        time.sleep(wait)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (75, b""), shown
    stopped = int(out.decode().split("interrupted after update ")[1].split(";")[0])
    assert json.loads((run / "last/training/state.json").read_text())["trainer"]["num_updates"] == stopped
    validated = ["valid/loss" in report for report in metrics(run) if report["num_updates"] == stopped]
    assert any(validated) == ("validation.generate=true" in overrides and stopped % 2 == 0), "before it ended"
    end = max(END, stopped + 2)
    assert call(*arguments, f"training.max_update={end}").code == 0
    other = tmp_path / "other"
    cli.main([*tiny, *overrides, f"hydra.run.dir={other}", f"training.max_update={end}"])
    for file in ("model.safetensors", "training/optimizer.safetensors", "metrics.json"):
        assert (run / "last" / file).read_bytes() == (other / "last" / file).read_bytes(), file
    assert metrics(run) == metrics(other)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_an_interrupt(train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    send_in_update(monkeypatch, 3, number)
    stopped = train("resume=auto", "validation.interval_epochs=0")
    assert (stopped.code, stopped.err) == (75, "")
    assert f"training ended after update 3: {signal.Signals(number).name}" in stopped.out
    assert "valid/loss" not in stopped.out, "no last validation because of it"
    assert f"python -m seqtrain resume={tmp_path / 'run'}" in stopped.out
    assert signal.getsignal(number) is signal.SIG_DFL


def test_stop_time_hours_is_an_interrupt_that_counts_anew(train: Call, tmp_path: Path) -> None:
    hours = "training.stop_time_hours=1e-9"
    first = train("resume=auto", hours, "validation.interval_epochs=0")
    assert first.code == 75
    assert "training ended after update 1: training.stop_time_hours=1e-09 is reached" in first.out
    second = train("resume=auto", hours, "validation.interval_epochs=0")
    assert second.code == 75
    assert "interrupted after update 2; to go on:" in second.out
    third = train("resume=auto", "training.stop_time_hours=1", "training.max_update=3")
    assert third.code == 0, third.err
    assert (tmp_path / "run/last").resolve().name == "update-00000003"


def test_while_data_is_prepared_a_signal_ends_the_program_at_once(
    train: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Session.build

    def send(self: Session, resume: Checkpoint | None = None) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Session, "build", send)
    assert train("resume=auto").code == 75
    assert not (tmp_path / "run/checkpoints").exists()
    monkeypatch.setattr(Session, "build", build)
    assert train("resume=auto", "training.max_update=1").code == 0


def test_an_interrupted_job_ends_its_sweep(
    call: Call, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_in_update(monkeypatch, 2, signal.SIGTERM)
    swept = call("-m", *tiny, f"hydra.sweep.dir={tmp_path}", "training.seed=1,2", "training.max_update=3")
    assert swept.code == 75, swept.err
    assert (tmp_path / "0/last").resolve().name == "update-00000002"
    assert not (tmp_path / "1").exists()
    assert "best checkpoint" not in swept.out


def test_two_processes_do_not_train_into_one_directory(train: Call, call: Call, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train("training.max_update=2", "saving.interval_updates=1").code == 0
    (run / "checkpoints/update-00000002/config.yaml").write_text("damaged, or not yet whole for this reader")
    before = {path: path.lstat().st_mtime_ns for path in run.rglob("*") if path.name != ".lock"}
    hold = "import sys; from pathlib import Path; from seqtrain.locks import locked\nwith locked(Path(sys.argv[1])):"
    command = [sys.executable, "-c", f"{hold}\n print(1, flush=True)\n sys.stdin.read()", str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for second in (train("training.seed=2"), train("resume=auto"), call(f"resume={run}")):
            assert f"run is in use by process {other.pid} on " in second.refused()
        other.kill()
    assert {path: path.lstat().st_mtime_ns for path in run.rglob("*") if path.name != ".lock"} == before
    assert train("resume=auto", "training.max_update=2").code == 0
    assert (run / "checkpoints/damaged-update-00000002").is_dir()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at what a process has loaded")
def test_sigterm_while_torch_is_imported(start: Call, tiny: list[str], tmp_path: Path) -> None:
    with start(*tiny, "hydra.run.dir=run", cwd=tmp_path) as process:
        while process.poll() is None and "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text():
            time.sleep(0.001)
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (75, b"")
