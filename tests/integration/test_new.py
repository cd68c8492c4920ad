"""``seqtrain new``: the plug-ins that it writes pass their tests and train, as the printed commands say."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.plugins import PACKAGES

Call = Callable[..., Any]

ROOT = Path(__file__).parents[2]

SMALL = {"model": "transformer_tiny", "tokenizer": "char"}
"""The other parts of a training."""

QUICK = ["dataset.max_tokens=512", "validation.final_split=''", "training.device=cpu"]

TRAIN_EACH = """
import json, sys
from seqtrain import cli
for overrides in json.loads(sys.argv[1]):
    cli.main(overrides)
"""


def python(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run Python in a process of its own, with one thread and the package of this checkout."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=240)


def pytest_passes(*arguments: object, cwd: Path) -> None:
    done = python("-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed in " in done.stdout.splitlines()[-1]


def options(kind: str, preset: str, data: Path, run_directory: Path) -> list[str]:
    """Return overrides for a short training of a small model with this preset."""
    choices = {**SMALL, kind: preset}
    return [*(f"{k}={v}" for k, v in choices.items()), *QUICK, f"task.data={data}", f"hydra.run.dir={run_directory}"]


@pytest.fixture(scope="module")
def one_of_each(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a plug-in of each kind."""
    directory = tmp_path_factory.mktemp("new") / "my-plugins"
    for kind in PACKAGES:
        cli.main(["new", kind, f"my_{kind}", "--dir", str(directory)])
    return directory


def test_their_tests_pass_together_from_anywhere(one_of_each: Path, tmp_path: Path) -> None:
    package = one_of_each.parent / "mine"
    package.mkdir()
    (package / "__init__.py").write_text('"""My plug-ins."""\n')
    cli.main(["new", "tokenizer", "my_pairs", "--dir", str(package)])
    pytest_passes(one_of_each / "tests", package / "tests", cwd=tmp_path)


def test_each_trains_twenty_updates(one_of_each: Path, data: Path, tmp_path: Path) -> None:
    presets = {kind: next((one_of_each / kind).glob("*.yaml")).stem for kind in PACKAGES}
    search = f"hydra.searchpath=[{one_of_each}]"
    trainings = [
        [search, "training.max_update=20", *options(kind, preset, data, tmp_path / kind)]
        for kind, preset in presets.items()
    ]
    done = python("-c", TRAIN_EACH, json.dumps(trainings), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for kind in PACKAGES:
        config = tmp_path / kind / "checkpoints/update-00000020/config.yaml"
        assert f"  _name: my_{kind}\n" in config.read_text(encoding="utf-8")


def test_the_printed_commands_in_a_package(data: Path, tmp_path: Path) -> None:
    (tmp_path / "my dir").mkdir()
    (tmp_path / "my dir/__init__.py").write_text('"""My plug-ins."""\n')
    written = python("-m", "seqtrain", "new", "lr_scheduler", "my_decay", "--dir", "my dir", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    commands = [shlex.split(line) for line in written.stdout.splitlines() if line.startswith("  ")]
    (_, _, _, test), (*program, search, preset, max_update) = commands
    assert program == ["python", "-m", "seqtrain"]
    pytest_passes(test, cwd=tmp_path)
    more = options("model", "transformer_tiny", data, tmp_path / "run")
    trained = python("-m", "seqtrain", search, preset, max_update, *more, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "lr_scheduler my_decay" in trained.stdout
    assert (tmp_path / "run/checkpoints/update-00000020").is_dir()


def test_a_mistake_is_one_message(call: Call, tmp_path: Path) -> None:
    message = call("new", "modle", "mine", "--dir", tmp_path / "mine").refused()
    assert message.startswith("'modle' is no kind of plug-in; did you mean model?")
    assert not (tmp_path / "mine").exists()
