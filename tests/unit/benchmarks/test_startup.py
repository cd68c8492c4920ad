from pathlib import Path

import pytest

from benchmarks.startup import ANSWERS, answer, first_update


def test_phases_up_to_the_first_update(tmp_path: Path) -> None:
    found = first_update(None, tmp_path)
    assert found.pop("peak_mb") > 100
    seconds = found.pop("seconds")
    assert seconds == pytest.approx(sum(found.values()))
    assert list(found) == [
        "start Python",
        "import the command line, Hydra",
        "read plug-ins without torch",
        "check the config",
        "compose the config",
        "import torch and plug-ins",
        "import the trainer",
        "open the run directory, set torch up",
        "build the task",
        "prepare the data",
        "build the model and optimizer",
        "first batch",
        "first update",
    ]
    assert all(value >= 0 for value in found.values())
    assert any((tmp_path / "cache").iterdir())


def test_a_mistake_is_an_answer(tmp_path: Path) -> None:
    assert answer(ANSWERS["a mistake in the config"], tmp_path)["seconds"] > 0
