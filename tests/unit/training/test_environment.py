import os
from pathlib import Path

import pytest
import torch

import seqtrain
from seqtrain.composition import to_container
from seqtrain.errors import CheckpointError
from seqtrain.training.environment import OF_NUMBERS, environment, resumed, started, value_changes


def test_all_that_numbers_depend_on_is_recorded() -> None:
    now = environment(torch.device("cpu"))
    assert set(OF_NUMBERS) - now.keys() == {"cuda", "cudnn"}
    assert (now["torch"], now["num_threads"]) == (torch.__version__, torch.get_num_threads())
    assert all(isinstance(value, str | int) and value for value in now.values())


def test_changes_are_named() -> None:
    now = environment(torch.device("cpu"))
    before = now | {"torch": "1.0", "python": "3.1", "cuda": "12.8"}
    torch_change = f"torch was 1.0 and is {torch.__version__}"
    python_change = f"python was 3.1 and is {now['python']}"
    assert value_changes(before, now) == [torch_change, python_change, "cuda was 12.8 and is not here"]
    assert value_changes(before, now, ["torch", "numpy"]) == [torch_change]
    assert value_changes(now, now) == []


def test_what_an_older_checkpoint_does_not_record_is_no_change() -> None:
    assert value_changes({"num_threads": 1}, {"num_threads": 1, "cpu": "x"}, OF_NUMBERS) == []


def test_how_a_run_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert started(tmp_path / "run") == {"overrides": [], "working_directory": os.getcwd(), "resumed": []}
    (tmp_path / "run/.hydra").mkdir(parents=True)
    (tmp_path / "run/.hydra/overrides.yaml").write_text("- model.dropout=0.1\n- task.data='a b'\n")
    assert started(tmp_path / "run")["overrides"] == ["model.dropout=0.1", "task.data='a b'"]


def test_a_resume_adds_what_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = seqtrain.compose(["training.max_update=24", "model.dropout=0.2"])
    before = to_container(seqtrain.compose(["training.max_update=16", "model.dropout=0.2"]))
    first = {"overrides": ["a=b"], "working_directory": "/there", "resumed": []}
    monkeypatch.chdir(tmp_path)
    state = {"trainer": {"num_updates": 8}, "started": first}
    second = resumed(state, before, cfg)
    assert second["overrides"] == ["a=b"] and second["working_directory"] == os.getcwd()
    assert second["resumed"][0]["num_updates"] == 8
    assert "training.max_update was 16 and is 24" in second["resumed"][0]["changed"]
    assert resumed(state | {"started": second}, to_container(cfg), cfg) == second


@pytest.mark.parametrize("text", ["[", "a: 1", "- 3", "3", "\x00"])
def test_overrides_that_are_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/overrides.yaml").write_text(text)
    with pytest.raises(CheckpointError, match=r"overrides\.yaml .*the run directory is damaged"):
        started(tmp_path)
