"""A checkpoint carries the code of a user's plug-ins: named when missing, run when asked for, compared if there."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my-module"

SHORT = [
    "task=translation",
    "tokenizer=char",
    "lr_scheduler=inverse_sqrt",
    "model=my_gru",
    "model.embed_dim=8",
    "training.max_update=3",
    "saving.interval_updates=1",
    "saving.keep_last=2",
    "validation.final_split=''",
    "dataset.max_tokens=512",
    "training.device=cpu",
]

DECODE = ["generation.beam=1", "generation.max_len_b=5", "device=cpu"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the user directory was when the run was trained; it is not there any more."""
    return tmp_path_factory.mktemp("bundle").resolve() / "my-module"


@pytest.fixture(scope="module")
def gru(run: Call, data: Path, original: Path) -> Path:
    """The run directory of the example's model."""
    shutil.copytree(EXAMPLE, original, ignore=shutil.ignore_patterns("__pycache__"))
    directory = original.parent / "run"
    overrides = [*SHORT, f"task.data={data}", f"hydra.run.dir={directory}", "hydra.searchpath=[my-module]"]
    trained = run(*overrides, cwd=original.parent)
    assert trained.code == 0, trained.err
    assert f"generate hydra.searchpath=[{original}] checkpoint=" in trained.out
    shutil.rmtree(original)
    return directory


@pytest.fixture
def copy(gru: Path, tmp_path: Path) -> Path:
    """A copy of the run to go on with."""
    return shutil.copytree(gru, tmp_path / "run", symlinks=True)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The user directory with other code in the model."""
    directory = shutil.copytree(EXAMPLE, tmp_path / "changed", ignore=shutil.ignore_patterns("__pycache__"))
    text = (directory / "gru.py").read_text()
    assert "dropout: float = 0.1" in text
    (directory / "gru.py").write_text(text.replace("dropout: float = 0.1", "dropout: float = 0.2"))
    return directory


def test_name_files_and_hashes(gru: Path, original: Path) -> None:
    (plugin,) = json.loads((gru / "last/plugins.json").read_text())["plugins"]
    assert (plugin["kind"], plugin["name"], plugin["directory"]) == ("model", "my_gru", str(original))
    files = json.loads((gru / "last/manifest.json").read_text())["files"]
    for name in ("__init__.py", "gru.py"):
        content = (EXAMPLE / name).read_bytes()
        assert (gru / "last/plugins/my_module" / name).read_bytes() == content
        assert files[f"plugins/my_module/{name}"]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("command", [["generate", "input=-"], ["evaluate", "split=valid"]])
def test_without_the_directory(call: Call, gru: Path, original: Path, command: list[str]) -> None:
    assert call(*command, f"checkpoint={gru}").refused() == (
        f"model 'my_gru' of this checkpoint is a plug-in that was in {original}, where there is no directory now; "
        "name that directory with hydra.searchpath=[DIR], or run the copy in the checkpoint with plugins=bundled"
    )


def test_resume_without_the_directory(call: Call, copy: Path, original: Path) -> None:
    message = call(f"resume={copy}").refused()
    assert message.startswith(f"model 'my_gru' of this checkpoint is a plug-in that was in {original}, where there is ")


def test_generate_with_the_copy_or_the_directory(run: Call, gru: Path, original: Path, tmp_path: Path) -> None:
    command = ["generate", f"checkpoint={gru}", *DECODE]
    copy = run(*command, "plugins=bundled", cwd=tmp_path, stdin=b"one\n\ntwenty-two\n")
    assert copy.code == 0, copy.err
    assert len(copy.out.splitlines()) == 3
    place = (gru / "best").resolve() / "plugins/my_module"
    assert f"warning: plugins=bundled: running the copy of {original} in " in copy.err
    assert copy.err.endswith("plugins/my_module: __init__.py, gru.py\n") and len(copy.err.splitlines()) == 1
    assert sorted(path.name for path in place.iterdir()) == ["__init__.py", "gru.py"]
    directory = run(*command, f"hydra.searchpath=[{EXAMPLE}]", cwd=tmp_path, stdin=b"one\n\ntwenty-two\n")
    assert (directory.code, directory.out, directory.err) == (0, copy.out, "")


def test_evaluate_with_changed_code_shows_the_diff(run: Call, gru: Path, changed: Path, tmp_path: Path) -> None:
    options = ["split=valid", *DECODE, f"hydra.searchpath=[{changed}]"]
    result = run("evaluate", f"checkpoint={gru}", *options, cwd=tmp_path)
    assert result.code == 0, result.err
    assert json.loads(result.out)["sentences"] == 20
    assert "warning: plug-ins have changed since " in result.err
    assert f"\n+++ {changed}/gru.py\n" in result.err
    assert "\n-    dropout: float = 0.1\n+    dropout: float = 0.2\n" in result.err


def test_resume_with_the_copy(run: Call, copy: Path, original: Path, tmp_path: Path) -> None:
    resumed = run(f"resume={copy}", "plugins=bundled", "training.max_update=7", cwd=tmp_path)
    assert resumed.code == 0, resumed.err
    assert f"running the copy of {original} in " in resumed.err
    assert (copy / "last").resolve().name == "update-00000007"
    assert "generate plugins=bundled checkpoint=" in resumed.out
    # What is written now is as complete as what it was made from, which is not kept.
    (plugin,) = json.loads((copy / "last/plugins.json").read_text())["plugins"]
    assert plugin["directory"] == str(original)
    assert (copy / "last/plugins/my_module/gru.py").read_bytes() == (EXAMPLE / "gru.py").read_bytes()


def test_resume_with_changed_code(run: Call, copy: Path, changed: Path, tmp_path: Path) -> None:
    options = [f"resume={copy}", "training.max_update=4", f"hydra.searchpath=[{changed}]"]
    refused = run(*options, cwd=tmp_path)
    assert refused.code == 2
    assert "\n-    dropout: float = 0.1\n+    dropout: float = 0.2\n" in refused.err
    assert refused.err.splitlines()[-1].startswith(
        "seqtrain: resume= goes on exactly, and the code of plug-ins has changed since "
    )
    assert (copy / "last").resolve().name == "update-00000003"
    forced = run(*options, "resume_force=true", cwd=tmp_path)
    assert forced.code == 0, forced.err
    assert "warning: plug-ins have changed since " in forced.err
    assert (copy / "last/plugins/changed/gru.py").read_bytes() == (changed / "gru.py").read_bytes()


@pytest.mark.parametrize("command", ["generate", "evaluate", "average", "resume"])
def test_a_copy_that_was_edited_is_refused_before_it_runs(call: Call, copy: Path, tmp_path: Path, command: str) -> None:
    for source in copy.glob("checkpoints/*/plugins/my_module/gru.py"):
        source.write_text(f"{source.read_text()}\nopen({str(tmp_path / 'it_ran')!r}, 'w')\n")
    calls = {
        "generate": ["generate", f"checkpoint={copy}", "plugins=bundled", "input=-"],
        "evaluate": ["evaluate", f"checkpoint={copy}", "plugins=bundled", "split=valid"],
        "average": ["average", f"checkpoint=[{copy}]", f"output={tmp_path / 'mean'}"],
        "resume": [f"resume={copy}", "plugins=bundled", "training.max_update=5"],
    }
    message = call(*calls[command]).refused()
    assert "/plugins/my_module/gru.py is damaged (" in message and message.endswith(": use another checkpoint")
    assert not (tmp_path / "it_ran").exists()
    assert not (tmp_path / "mean").exists()


def test_a_job_of_a_sweep_goes_on_from_anywhere(run: Call, data: Path, tmp_path: Path) -> None:
    """What Hydra writes of it has the directory as it was typed; its checkpoint says where that was."""
    shutil.copytree(EXAMPLE, tmp_path / "my-module", ignore=shutil.ignore_patterns("__pycache__"))
    overrides = [*SHORT, f"task.data={data}", "hydra.searchpath=[my-module]", "hydra.sweep.dir=sweep"]
    swept = run("-m", *overrides, "training.seed=1", cwd=tmp_path)
    assert swept.code == 0, swept.err
    assert "- my-module\n" in (tmp_path / "sweep/0/.hydra/hydra.yaml").read_text()
    (tmp_path / "elsewhere").mkdir()
    resumed = run("resume=../sweep/0", "training.max_update=4", cwd=tmp_path / "elsewhere")
    assert resumed.code == 0, resumed.err
    assert (tmp_path / "sweep/0/last").resolve().name == "update-00000004"


def test_resume_takes_one_of_two_choices(call: Call, copy: Path) -> None:
    assert call(f"resume={copy}", "plugins=mine").refused() == "plugins=mine: must be one of installed, bundled"


def test_resume_from_nothing_has_no_copy(call: Call, copy: Path) -> None:
    shutil.rmtree(copy / "checkpoints")
    assert "has no checkpoint yet that holds a copy" in call(f"resume={copy}", "plugins=bundled").refused()


def test_an_average_needs_no_code_and_carries_it(call: Call, gru: Path, tmp_path: Path) -> None:
    result = call("average", f"checkpoint=[{gru}]", f"output={tmp_path / 'mean'}")
    assert result.code == 0, result.err
    assert (tmp_path / "mean/plugins/my_module/gru.py").is_file()
    assert "model 'my_gru'" in call("generate", f"checkpoint={tmp_path / 'mean'}", "input=-").refused()


@pytest.mark.parametrize("way", ["plugins='bundled'", f"searchpath=[{str(EXAMPLE)!r}]"])
def test_from_python(gru: Path, way: str) -> None:
    code = f"import seqtrain; print(len(seqtrain.load({str(gru)!r}, device='cpu', {way}).translate(['one', ''])))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    assert ("running the copy of" in done.stderr) == ("bundled" in way)
