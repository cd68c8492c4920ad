"""Whole runs with tokenizers that others made the files of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.data.tokenizers.byte import ByteDictionary

Call = Callable[..., Any]

BPE = Path(__file__).parents[1] / "fixtures" / "bpe"
CHOICES = {
    "byte": ["tokenizer=byte"],
    "gpt2_bpe": [
        "tokenizer=gpt2_bpe",
        f"tokenizer.encoder_json={BPE / 'vocab.json'}",
        f"tokenizer.vocab_bpe={BPE / 'merges.txt'}",
    ],
    "subword_nmt": ["tokenizer=subword_nmt", f"tokenizer.codes={BPE / 'subword_nmt.codes'}", "tokenizer.moses=true"],
}


@pytest.mark.parametrize("name", CHOICES)
def test_train_and_generate(call: Call, tiny: list[str], tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    short = ["training.max_update=2", "validation.final_split=", f"hydra.run.dir={run}"]
    assert call(*tiny, *CHOICES[name], "model.share_all_embeddings=true", *short).code == 0
    (tmp_path / "input").write_text("seven hundred and twelve\n\nit's é\n", encoding="utf-8")
    decode = ["generation.beam=2", "generation.max_len_b=4", "device=cpu"]
    out = call("generate", f"checkpoint={run}", f"input={tmp_path / 'input'}", *decode)
    assert (out.code, out.out.count("\n")) == (0, 3), out.err


def test_lines_of_bytes(call: Call, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, decode = tmp_path / "run", ["generation.beam=1", "generation.max_len_b=4", "device=cpu"]
    assert call(*tiny, "tokenizer=byte", "training.max_update=1", f"hydra.run.dir={run}").code == 0
    (tmp_path / "input").write_text("one\n" + "é" * 20 + "\n", encoding="utf-8")
    monkeypatch.setattr(ByteDictionary, "decode", lambda self, ids: "a\nb")
    out = call("generate", f"checkpoint={run}", f"input={tmp_path / 'input'}", *decode)
    assert (out.code, out.out) == (0, "a b\na b\n"), out.err
    assert "line 2 is over the model's limit of 40 tokens" in out.err


def test_a_file_is_asked_for(call: Call, tiny: list[str], tmp_path: Path) -> None:
    message = call(*tiny, "tokenizer=subword_nmt", f"hydra.run.dir={tmp_path / 'run'}").refused()
    assert "tokenizer.codes" in message
    message = call(
        *tiny, "tokenizer=subword_nmt", "tokenizer.codes=nowhere", f"hydra.run.dir={tmp_path / 'r'}"
    ).refused()
    assert "nowhere" in message
