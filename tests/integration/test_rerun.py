"""A run is repeated from a checkpoint alone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtrain import cli
from seqtrain.commands._rerun_request import parse
from seqtrain.manifest import MANIFEST, write_manifest

Call = Callable[..., Any]

EXACT = ["model.dropout=0.1", "training.update_freq=2", "dataset.max_tokens=256", "training.max_update=12"]
PLUGIN = """
from dataclasses import dataclass
from seqtrain.models import register_model
from seqtrain.models.transformer import Transformer, TransformerConfig

@dataclass
class Config(TransformerConfig):
    pass

@register_model("mine", Config)
class Mine(Transformer):
    def project(self, features):
        return super().project(features) * 1.0
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, tiny: list[str]) -> Path:
    """A run with checkpoints in the middle of an epoch, and at its end."""
    directory = tmp_path_factory.mktemp("to-rerun") / "run"
    cli.main([*tiny, *EXACT, "saving.interval_updates=5", f"hydra.run.dir={directory}"])
    return directory


@pytest.fixture
def alone(original: Path, tmp_path: Path) -> Path:
    """One of its checkpoints, without all else."""
    return shutil.copytree(original / "checkpoints/update-00000010", tmp_path / "alone")


@pytest.fixture
def rerun(call: Call, tmp_path: Path) -> Call:
    return lambda checkpoint, *words: call(
        "rerun", f"checkpoint={checkpoint}", f"hydra.run.dir={tmp_path / 'again'}", *words
    )


def change(checkpoint: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Let a file of a checkpoint say something else, as if it had been written so."""
    content = json.loads((checkpoint / name).read_text())
    edit(content)
    (checkpoint / name).write_text(json.dumps(content))
    (checkpoint / MANIFEST).unlink()
    write_manifest(checkpoint)


def test_a_whole_run(rerun: Call, original: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in original.rglob("*")}
    done = rerun(original)
    assert (done.code, done.err) == (0, "")
    assert (
        f"rerun of {original / 'checkpoints/update-00000012'}, 12 updates, with num_threads={torch.get_num_threads()}"
        in done.out
    )
    assert "nothing that it records has changed since" in done.out
    assert "started with: " in done.out and "training.max_update=12" in done.out
    again = tmp_path / "again/checkpoints/update-00000012"
    assert f"{again}: the same bytes as {original / 'checkpoints/update-00000012'} after update 12" in done.out
    for name in ("model.safetensors", "training/optimizer.safetensors", "config.yaml", "metrics.json"):
        assert (again / name).read_bytes() == (original / "last" / name).read_bytes(), name
    assert before == {path: path.stat().st_mtime_ns for path in original.rglob("*")}


def test_one_checkpoint_alone_and_on_from_there(
    rerun: Call, call: Call, alone: Path, tmp_path: Path, original: Path
) -> None:
    done = rerun(alone)
    assert done.code == 0, done.out
    assert f"the same bytes as {alone} after update 10" in done.out
    assert f"to go on from there: python -m seqtrain resume={tmp_path / 'again'}" in done.out
    assert call(f"resume={tmp_path / 'again'}").code == 0
    model = "last/model.safetensors"
    assert (tmp_path / "again" / model).read_bytes() == (original / model).read_bytes()
    assert (tmp_path / "again/.hydra/overrides.yaml").read_bytes() == (original / ".hydra/overrides.yaml").read_bytes()


def test_a_resume_with_another_config_is_listed(rerun: Call, call: Call, original: Path, tmp_path: Path) -> None:
    run = shutil.copytree(original, tmp_path / "run", symlinks=True)
    assert call(f"resume={run}", "training.max_update=13").code == 0
    assert call(f"resume={run}", "training.max_update=14").code == 0
    done = rerun(run / "checkpoints/update-00000014")
    listed = done.out.split("changed since:\n")[1]
    for update, change in ((12, "was 12 and is 13"), (13, "was 13 and is 14")):
        assert f"  after update {update} it went on with another config" in listed
        assert f": training.max_update {change}\n" in listed
    assert "the same bytes" in done.out


def test_what_has_changed_is_listed_first(rerun: Call, alone: Path, corpus: Path) -> None:
    def other_machine(state: dict[str, Any]) -> None:
        state["environment"] |= {"torch": "2.9.1", "cpu": "abacus", "num_threads": 3}

    change(alone, "training/state.json", other_machine)
    lines = (corpus / "train.de").read_text().splitlines(keepends=True)
    (corpus / "train.de").write_text("".join([*lines[:9], "elf\n", *lines[10:]]))
    done = rerun(alone, f"task.data={corpus}")
    listed = done.out.split("changed since:\n")[1].split("translation en-de")[0].splitlines()
    assert listed[0] == f"  torch was 2.9.1 and is {torch.__version__}"
    assert listed[1].startswith("  cpu was abacus and is ")
    assert listed[2] == f"  num_threads was 3 and is {torch.get_num_threads()}"
    assert listed[3] == "  train.de differs first in lines 1 to 10 of 260"
    assert "10 updates, with num_threads=3" in done.out and "cpu with 3 threads" in done.out


def test_one_that_comes_out_different(rerun: Call, alone: Path) -> None:
    config = (alone / "config.yaml").read_text()
    assert "  seed: 1\n" in config
    (alone / "config.yaml").write_text(config.replace("  seed: 1\n", "  seed: 2\n"))
    (alone / MANIFEST).unlink()
    write_manifest(alone)
    done = rerun(alone)
    assert done.code == 1
    assert "model.safetensors differs:\n  " in done.out and "training/optimizer.safetensors differs:" in done.out
    assert "numbers by at most " in done.out
    assert f"not the same as {alone} after update 10" in done.out


def test_relative_data_is_found_from_elsewhere(
    call: Call, run: Call, tiny: list[str], corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(*tiny, *EXACT, "task.data=corpus", "training.max_update=2", "hydra.run.dir=run").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for words in (["hydra.run.dir=again"], ["hydra.run.dir=once-more", "task.data=../corpus"]):
        done = call("rerun", "checkpoint=../run", *words)
        assert done.code == 0, done.err
    for name in ("again", "once-more"):
        assert (tmp_path / "elsewhere" / name / "last/model.safetensors").is_file()
    assert Path.cwd() == tmp_path / "elsewhere"


def test_paths_are_read_from_where_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b c"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    given = ("a", "a:b c", "a:nowhere", "builtin:number_names")
    overrides = [override for data in given for override in parse(["checkpoint=RUN", f"task.data={data}"]).overrides]
    a, b = f"{tmp_path}/a", f"{tmp_path}/b c"
    assert [override.replace("'", "") for override in overrides] == [
        f"task.data={data}" for data in (a, f"{a}:{b}", *given[2:])
    ]


def test_data_that_has_moved(
    call: Call, alone: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(state: dict[str, Any]) -> None:
        state["started"]["working_directory"] = "/nowhere"

    change(alone, "training/state.json", away)
    monkeypatch.chdir(corpus.parent)
    done = call("rerun", f"checkpoint={alone}", "hydra.run.dir=again", f"task.data={corpus.name}")
    assert done.code == 0, done.err
    assert f"started in, /nowhere, is not here: relative paths are taken from {corpus.parent}" in done.out
    assert "the same bytes" in done.out


@pytest.fixture
def of_a_plugin(call: Call, tiny: list[str], tmp_path: Path) -> Path:
    """A user directory and, beside it, a run with a model from it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/mine.py").write_text(PLUGIN)
    words = (f"hydra.searchpath=[{tmp_path / 'mine'}]", "model=mine", "training.max_update=2")
    assert call(*tiny, *EXACT, *words, f"hydra.run.dir={tmp_path / 'run'}").code == 0
    return tmp_path / "mine"


def test_plugins_from_where_they_were(rerun: Call, of_a_plugin: Path, tmp_path: Path) -> None:
    assert "the same bytes" in rerun(tmp_path / "run").out


def test_changed_code(run: Call, of_a_plugin: Path, tmp_path: Path) -> None:
    (of_a_plugin / "mine.py").write_text(PLUGIN.replace("* 1.0", "* 1.5"))
    changed = run("rerun", "checkpoint=run", "hydra.run.dir=changed", cwd=tmp_path)
    assert "+        return super().project(features) * 1.5" in changed.err
    assert "  the code of plug-ins has changed, as shown above" in changed.out
    assert changed.code == 1


@pytest.mark.slow
def test_the_copy_of_a_plugin(run: Call, of_a_plugin: Path, tmp_path: Path) -> None:
    shutil.rmtree(of_a_plugin)
    copied = run("rerun", "checkpoint=run", "hydra.run.dir=copied", "plugins=bundled", cwd=tmp_path)
    assert copied.code == 0, copied.err
    assert "the same bytes" in copied.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name it with checkpoint=RUN"),
        (["checkpoint=nowhere"], "there is no "),
        (["checkpoint=.", "optimizer.lr=1"], "with the config of its checkpoint: leave out optimizer.lr=1"),
        (["checkpoint=.", "--multirun"], "leave out --multirun"),
        (["checkpoint=.", "plugins=mine"], "must be one of installed, bundled"),
    ],
)
def test_refused(call: Call, words: list[str], message: str) -> None:
    assert message in call("rerun", *words).refused()


def test_a_checkpoint_for_inference_only_is_refused(call: Call, original: Path, tmp_path: Path) -> None:
    assert call("average", f"checkpoint={original}", f"output={tmp_path / 'average'}").code == 0
    message = call("rerun", f"checkpoint={tmp_path / 'average'}", f"hydra.run.dir={tmp_path / 'again'}").refused()
    assert "is for inference only, such as an average: name a checkpoint that training wrote" in message
    assert not (tmp_path / "again").exists()


def test_a_directory_with_a_run_is_refused(call: Call, original: Path) -> None:
    assert "holds a run already" in call("rerun", f"checkpoint={original}", f"hydra.run.dir={original}").refused()


@pytest.mark.parametrize("key", ["trainer", "environment", "started"])
def test_a_state_that_training_does_not_write(rerun: Call, alone: Path, key: str) -> None:
    change(alone, "training/state.json", lambda state: state.update({key: {"resumed": 3}}))
    assert "state.json" in rerun(alone).refused()
