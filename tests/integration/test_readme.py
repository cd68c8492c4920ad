"""What the README shows works as it is printed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

SMALL = [
    "model.encoder_embed_dim=16",
    "model.decoder_embed_dim=16",
    "model.encoder_ffn_embed_dim=16",
    "model.decoder_ffn_embed_dim=16",
    "training.max_update=2",
    "training.log_interval=1",
    "validation.final_split=''",
    "hydra.run.dir=run",
]


def test_the_plug_in_of_the_readme_trains_with_the_command_below_it(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    command = re.search(r"^ +(python -m seqtrain hydra\.searchpath=.*)$", README, re.MULTILINE)
    assert code is not None
    assert command is not None
    assert len(code[1].splitlines()) <= 25
    (tmp_path / "my-module").mkdir()
    (tmp_path / "my-module" / "__init__.py").write_text(code[1])
    _, *words = shlex.split(command[1])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SEQTRAIN_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, *words, *SMALL, "lr_scheduler.every=1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "lr_scheduler staircase" in done.stdout
    assert "train/lr 0.0015" in done.stdout  # half of 0.003 after the first update


def test_it_is_short_and_names_files_that_exist() -> None:
    assert len(README.splitlines()) <= 150
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (Path(__file__).parents[2] / target).exists(), target
