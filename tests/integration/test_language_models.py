"""The language models by the command line: trained on documents that are kept apart, prompts continued."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.data.number_names import english

Run = Callable[..., Any]

TRAINING = [
    "task=language_modeling",
    "task.isolate_documents=true",
    "task.tokens_per_sample=24",
    "tokenizer=char",
    "model.decoder_embed_dim=16",
    "model.decoder_layers=2",
    "model.adaptive_softmax_cutoff=[8,14]",
    "model.adaptive_softmax_factor=2",
    "criterion=adaptive_loss",
    "optimizer.lr=1e-2",
    "lr_scheduler=fixed",
    "training.max_update=8",
    "training.device=cpu",
    "dataset.max_tokens=200",
    "validation.interval_updates=4",
    "validation.final_split=''",
]
ADAPTIVE = [
    "model=transformer_lm",
    "model.decoder_ffn_embed_dim=16",
    "model.decoder_attention_heads=2",
    "model.adaptive_input_cutoff=[8,14]",
    "model.adaptive_input_factor=2",
    "model.tie_adaptive_weights=true",
    "model.tie_adaptive_proj=true",
]
LSTM = ["model=lstm_lm", "model.decoder_hidden_size=16", "model.decoder_out_embed_dim=12"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("texts")
    for name, numbers in {"train": range(1, 200, 3), "valid": range(200, 230, 3), "test": range(2, 20)}.items():
        lines = "".join(f"{english(number)}\n" if number % 5 else "\n" for number in numbers)
        (directory / f"{name}.txt").write_text(lines, encoding="utf-8")
    return directory


@pytest.mark.parametrize("model", [ADAPTIVE, LSTM], ids=["transformer_lm", "lstm_lm"])
def test_a_language_model_learns_and_continues(model: list[str], texts: Path, run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    cli.main([*TRAINING, *model, f"task.data={texts}", f"hydra.run.dir={directory}"])
    metrics = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    first, *_, last = (line["valid/loss"] for line in metrics if "valid/loss" in line)
    assert last < first
    (tmp_path / "prompts").write_text("one\ntwo h\n", encoding="utf-8")
    done = run("generate", f"checkpoint={directory}", f"input={tmp_path / 'prompts'}", "output=-", cwd=tmp_path)
    assert (done.code, len(done.out.splitlines())) == (0, 2), done.err
    assert [line[:3] for line in done.out.splitlines()] == ["one", "two"]


def test_adaptive_loss_says_which_models_it_is_for(texts: Path, run: Run, tmp_path: Path) -> None:
    chosen = [*TRAINING, *ADAPTIVE[:3], "model.adaptive_softmax_cutoff=[]"]
    done = run(*chosen, f"task.data={texts}", "hydra.run.dir=run", cwd=tmp_path)
    assert done.code == 2
    assert (
        "criterion=adaptive_loss is for models with an adaptive softmax, and model=transformer_lm has none" in done.err
    )
    assert "Traceback" not in done.err
