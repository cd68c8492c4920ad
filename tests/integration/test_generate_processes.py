"""``generate num_processes=N``: what comes out is what one process finds, and nothing is left behind."""

import gzip
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.plugins import forget_user_directory, user_directories
from tests.integration.linear_model import linear_model

Call = Callable[..., Any]

LINES = ["two hundred and twelve", "one", "", "seventy-seven", "one hundred and ninety-nine", "   ", "eight"] * 5
SMALL = ("generation.max_sentences=4", "generation.beam=2", "generation.max_len_b=20", "device=cpu")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.en"
    file.write_text("".join(f"{line}\n" for line in LINES))
    return file


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes compute with one thread, as this one does: then the last digits are the same."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"PPid:\t{pid}\n" in status.read_text():
                found.append(int(status.parent.name))
        except OSError:  # it has ended
            continue
    return found


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    "options",
    [
        ["format=jsonl", "generation.sampling=true", "generation.nbest=2", "buffer_size=13"],
        pytest.param(
            ["format=fairseq", "print_alignment=hard", "replace_unk=''", "split=test", "generation.prefix_size=1"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["a file", "a split"],
)
def test_the_same_comes_out(generate: Call, trained: Path, source: Path, options: list[str]) -> None:
    words = [*options, "generation.max_sentences=4", *([] if "split=test" in options else [f"input={source}"])]
    expected, found = generate(*words), generate(*words, "num_processes=2")
    assert (found.code, found.out) == (0, expected.out)
    # The summary and the scores are said once, but for the time that it took the same.
    assert [line.split(" in ")[0] for line in found.err.splitlines()] == [
        line.split(" in ")[0] for line in expected.err.splitlines()
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_constraints_an_ensemble_a_language_model_and_8_bits(call: Call, trained: Path, tmp_path: Path) -> None:
    lines = [f"{line}\tein" if line.strip() else line for line in LINES]
    with gzip.open(tmp_path / "in.gz", "wt") as file:
        file.writelines(f"{line}\n" for line in lines)
    part = trained / "checkpoints" / "update-00000016"
    words = [f"checkpoint=[{trained},{part}]", f"input={tmp_path / 'in.gz'}", "format=jsonl", *SMALL]
    words += ["generation.constraints=ordered", "generation.quantize=int8"]
    assert call("generate", *words, "num_processes=2").out == call("generate", *words).out


def test_from_a_pipe_each_line_that_may_be_read_is_answered(start: Call, trained: Path, source: Path) -> None:
    words = [f"checkpoint={trained}", "num_processes=2", "buffer_size=3", *SMALL]
    with start("generate", *words, cwd=source.parent, stdin=subprocess.PIPE) as process:
        for _ in range(2):
            process.stdin.write(b"one\n\ntwo\n")
            process.stdin.flush()
            first, empty, second = (process.stdout.readline() for _ in range(3))
            assert len(first) > 1 and empty == b"\n" and len(second) > 1
        process.stdin.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


FAILING = """
    def decode_step(self, *_, **__):
        raise ValueError("no such luck")

    new_state = encode = decode_step
"""


@pytest.fixture
def users(tmp_path: Path, data: Path) -> Iterator[list[str]]:
    """Words to decode by a model of a user's own, which is forgotten here."""
    directory = tmp_path / "mine"
    directory.mkdir()
    (directory / "model.py").write_text(linear_model("mine"))
    words = [f"hydra.searchpath=[{directory}]", f"task.data={data}", "task=translation", "tokenizer=char", "model=mine"]
    words += ["training.max_update=2", "training.device=cpu", "validation.final_split=''"]
    cli.main([*words, f"hydra.run.dir={tmp_path / 'run'}"])
    yield [words[0], f"checkpoint={tmp_path / 'run'}", *SMALL]
    for known in user_directories():
        forget_user_directory(known)


@pytest.mark.usefixtures("one_thread")
def test_a_model_of_a_users_own_and_an_error_in_it(call: Call, users: list[str], source: Path, tmp_path: Path) -> None:
    words = ["generate", *users, f"input={source}"]
    expected = call(*words)
    assert expected.code == 0, expected.err
    for known in user_directories():
        forget_user_directory(known)
    assert call(*words, "num_processes=2").out == expected.out
    (tmp_path / "mine" / "model.py").write_text(linear_model("mine") + FAILING)
    message = call(*words, "num_processes=2", f"output={tmp_path / 'out'}").refused()
    line = 1 + (linear_model("mine") + FAILING).split("\n").index('        raise ValueError("no such luck")')
    assert message.startswith(f"{tmp_path}/mine/model.py:{line}: ValueError: no such luck")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def busy(start: Call, trained: Path, tmp_path: Path) -> Iterator[tuple[Any, list[int]]]:
    """The program with two processes that have begun to decode, and these."""
    pipe = tmp_path / "in"
    os.mkfifo(pipe)
    words = [f"checkpoint={trained}", f"input={pipe}", "output=out", "num_processes=2", "buffer_size=8", *SMALL]
    with start("generate", *words, cwd=tmp_path) as process:
        with pipe.open("w") as lines:
            lines.writelines(f"{line}\n" for line in LINES[:8])
            lines.flush()
            wait_until(lambda: any(tmp_path.glob("*.tmp*")) or len(list(tmp_path.iterdir())) > 2)
            yield process, children(process.pid)
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 128 + signal.SIGTERM, marks=pytest.mark.slow)],
)
def test_a_signal_ends_all(busy: tuple[Any, list[int]], tmp_path: Path, number: int, code: int) -> None:
    process, workers = busy
    assert len(workers) >= 2
    for pid in (process.pid, *(workers if number == signal.SIGINT else [])):  # a terminal sends Ctrl-C to all
        os.kill(pid, number)
    assert process.wait(timeout=60) == code
    assert process.stderr.read() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    wait_until(lambda: not any(map(is_running, workers)))


@pytest.mark.slow
def test_whoever_is_killed_leaves_nothing_that_runs(busy: tuple[Any, list[int]]) -> None:
    process, workers = busy
    process.kill()
    wait_until(lambda: not any(map(is_running, workers)))


@pytest.mark.slow
def test_a_process_that_is_killed_ends_all_with_a_message(
    start: Call, trained: Path, source: Path, tmp_path: Path
) -> None:
    source.write_text("one\n" * 3000)
    words = [f"checkpoint={trained}", f"input={source}", "output=out", "num_processes=2", "buffer_size=1000", *SMALL]
    with start("generate", *words, cwd=tmp_path) as process:
        wait_until(lambda: len([path for path in tmp_path.iterdir() if path != source]) > 0)
        workers = [pid for pid in children(process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(workers[0], signal.SIGKILL)
        assert process.wait(timeout=60) == 2
        message = process.stderr.read().decode()
    assert message.startswith("seqtrain: one of the processes that decode was ended by SIGKILL, for lack of memory")
    assert len(message.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["source.en"]
    wait_until(lambda: not any(map(is_running, workers)))


def test_what_a_process_would_say_of_a_checkpoint_is_said_once(call: Call, trained: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained / "checkpoints" / "update-00000024", tmp_path / "copy")
    with (copy / "model.safetensors").open("r+b") as file:
        file.truncate(200)
    message = call("generate", f"checkpoint={copy}", "input=none", "num_processes=2").refused()
    assert "model.safetensors" in message and len(message.splitlines()) == 1


def test_one_line_at_a_time_is_nothing_for_several(generate: Call, source: Path) -> None:
    message = generate(f"input={source}", "buffer_size=1", "num_processes=2").refused()
    assert message.startswith("buffer_size=1 answers each line before the next is read, which leaves nothing to do for")
