import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seqtrain.commands import _runs
from seqtrain.commands._runs import Runs, run_to_end

ROOT = Path(__file__).parents[3]

PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from seqtrain.commands._runs import ended_by_sigterm, run_to_end
with ended_by_sigterm():
    run_to_end([sys.executable, "-c", sys.argv[1]], {}, stdout=1)
"""
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
DEAF_CHILD = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {CHILD}"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_too(number: int) -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(number)
        code = process.wait(timeout=20)
    assert code == (-signal.SIGINT if number == signal.SIGINT else 128 + number)
    assert not is_alive(child)


def test_a_run_that_does_not_end_is_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_runs, "PATIENCE_SECONDS", 0.1)
    with subprocess.Popen([sys.executable, "-c", DEAF_CHILD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        _runs._end(process)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("code", "more"), [(2, ""), (3, "seqtrain: a run ended with exit code 3\n")])
def test_what_a_failed_run_says_is_passed_on(capsys: pytest.CaptureFixture[str], code: int, more: str) -> None:
    child = f"import sys; print('seqtrain: no such data', file=sys.stderr); sys.exit({code})"
    with pytest.raises(SystemExit) as end:
        run_to_end([sys.executable, "-c", child], {}, stdout=subprocess.DEVNULL)
    assert end.value.code == 2
    assert capsys.readouterr().err == f"seqtrain: no such data\n{more}"


def test_each_run_has_an_order_of_sets_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[tuple[str, str, str]] = []

    def run(command: list[str | Path], environment: dict[str, str], stdout: int) -> None:
        run_directory, stop_after = command[command.index("--run") + 1], command[command.index("--stop-after") + 1]
        seen.append((Path(run_directory).name, str(stop_after), environment["PYTHONHASHSEED"]))
        assert command[-2:] == ["updates=6", "model=x"]

    monkeypatch.setattr(_runs, "run_to_end", run)
    runs = Runs(["model=x"], tmp_path, 6)
    assert runs.whole("run-1", 1) == tmp_path / "run-1.jsonl"
    assert runs.resumed("run-3", (3, 4)) == (tmp_path / "run-3-before.jsonl", tmp_path / "run-3-after.jsonl")
    assert seen == [("run-1", "6", "1"), ("run-3", "3", "3"), ("run-3", "6", "4")]
