"""The model ``lstm`` by the command line."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli

Call = Callable[..., Any]
TRAINING = [
    "task=translation",
    "tokenizer=char",
    "model=lstm",
    "model.encoder_embed_dim=32",
    "model.encoder_bidirectional=true",
    "model.decoder_embed_dim=32",
    "model.decoder_out_embed_dim=24",
    "model.dropout=0",
    "criterion=cross_entropy",
    "optimizer.lr=1e-2",
    "lr_scheduler=fixed",
    "training.max_update=60",
    "training.device=cpu",
    "dataset.max_tokens=1024",
    "validation.interval_epochs=0",
    "validation.final_split=''",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    directory = tmp_path_factory.mktemp("lstm") / "run"
    cli.main([*TRAINING, f"task.data={data}", f"hydra.run.dir={directory}"])
    return directory


def test_it_learns(trained: Path) -> None:
    metrics = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    *_, last = (line["valid/loss"] for line in metrics if "valid/loss" in line)
    assert last < 2.6, "how frequent each letter is gives 2.72"


def test_it_decodes_sentences_together_as_alone(trained: Path, data: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("seven\n\none hundred and eleven\ntwelve\nthree hundred\n", encoding="utf-8")
    outputs = []
    for sentences in (1, 100):
        done = call(
            "generate",
            f"checkpoint={trained}",
            f"input={tmp_path / 'input'}",
            "output=-",
            "generation.beam=4",
            "generation.max_len_b=20",
            f"generation.max_sentences={sentences}",
            "device=cpu",
        )
        assert done.code == 0, done.err
        outputs.append(done.out.splitlines())
    assert outputs[0] == outputs[1]
    assert [bool(line) for line in outputs[0]] == [True, False, True, True, True]


@pytest.mark.slow
def test_it_learns_number_names(tmp_path: Path) -> None:
    environment = {**os.environ, "SEQTRAIN_CACHE": str(tmp_path / "cache")}
    sizes = [f"model.{name}=128" for name in ("encoder_embed_dim", "decoder_embed_dim", "decoder_out_embed_dim")]
    command = [sys.executable, "-m", "seqtrain", "model=lstm", *sizes, "model.dropout=0", "training.max_update=1800"]
    trained = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    score = re.fullmatch(r"exact match: (\d+\.\d) %", trained.stdout.splitlines()[-1])
    assert score is not None
    assert float(score[1]) >= 95.0
