"""The embedded job, as a newcomer runs it: slow, because it trains to its result."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_embedded_job_learns_number_names(tmp_path: Path) -> None:
    environment = {**os.environ, "SEQTRAIN_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "seqtrain", "training.seed=1"]
    trained = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    lines = trained.stdout.splitlines()
    assert "builtin:number_names" in lines[0]
    score = re.fullmatch(r"exact match: (\d+\.\d) %", lines[-1])
    assert score is not None
    assert float(score[1]) >= 99.0

    told = next(line for line in lines if line.startswith("translate a file: "))
    (tmp_path / "numbers.en").write_text("three hundred and twelve\nseven\n")
    words = told.removeprefix("translate a file: python ").replace("input=FILE output=FILE", "input=numbers.en").split()
    translated = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert translated.stdout == "dreihundertzwölf\nsieben\n"
