import os
from pathlib import Path

import pytest
import torch

from seqtrain.training.environment import OF_NUMBERS, environment, environment_changes, started


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
    assert environment_changes(before, now) == [torch_change, python_change, "cuda was 12.8 and is not here"]
    assert environment_changes(before, now, ["torch", "numpy"]) == [torch_change]
    assert environment_changes(now, now) == []


def test_what_an_older_checkpoint_does_not_record_is_no_change() -> None:
    assert environment_changes({"num_threads": 1}, {"num_threads": 1, "cpu": "x"}, OF_NUMBERS) == []


def test_how_a_run_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert started(tmp_path / "run") == {"overrides": [], "working_directory": os.getcwd()}
    (tmp_path / "run/.hydra").mkdir(parents=True)
    (tmp_path / "run/.hydra/overrides.yaml").write_text("- model.dropout=0.1\n- task.data='a b'\n")
    assert started(tmp_path / "run")["overrides"] == ["model.dropout=0.1", "task.data='a b'"]
