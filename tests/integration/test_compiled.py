"""A model that torch compiles for real: it trains, and goes on exactly."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

COMPILED = [
    "training.compile=true",
    "model.dropout=0.1",
    "training.max_update=8",
    "validation.interval_epochs=0",
    "saving.interval_epochs=0",
    "saving.interval_updates=4",
]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None and shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_compiled_run_that_is_resumed(run: Call, tiny: list[str], tmp_path: Path) -> None:
    """A process of its own for each part: what a process has compiled is not there in the next."""
    alone, stopped = tmp_path / "alone", tmp_path / "stopped"
    for directory in (alone, stopped):
        ended = run(*tiny, *COMPILED, f"hydra.run.dir={directory}", cwd=tmp_path, timeout=900)
        assert ended.code == 0, ended.err
    weights = [(alone / f"checkpoints/update-{n:08}/model.safetensors").read_bytes() for n in (4, 8)]
    assert weights[0] != weights[1]
    shutil.rmtree(stopped / "checkpoints/update-00000008")
    resumed = run(f"resume={stopped}", cwd=tmp_path, timeout=900)
    assert resumed.code == 0, resumed.err
    assert "going on after update 4" in resumed.out
    for file in ("model.safetensors", "training/optimizer.safetensors"):
        assert (stopped / "last" / file).read_bytes() == (alone / "last" / file).read_bytes(), file
