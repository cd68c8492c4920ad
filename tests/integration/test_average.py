"""``average``: a checkpoint that holds the mean of several."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

Call = Callable[..., Any]


def assert_mean(output: Path, parts: list[Path]) -> None:
    mean = load_file(output / "model.safetensors")
    tensors = [load_file(path / "model.safetensors") for path in parts]
    assert all(one.keys() == mean.keys() for one in tensors)
    for name, tensor in mean.items():
        by_hand = torch.stack([one[name] for one in tensors]).double().mean(dim=0)
        torch.testing.assert_close(tensor, by_hand.float(), rtol=1e-6, atol=1e-7)


def test_the_newest_of_a_run_and_generate_from_it(call: Call, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "mean of 2"
    result = call("average", f"checkpoint=[{trained}]", "last=2", f"output={output}")
    assert result.code == 0, result.err
    newest = sorted((trained / "checkpoints").glob("update-*"))[-2:]
    assert result.out.splitlines() == [*map(str, newest), f"average of 2: {output}"]
    assert_mean(output, newest)
    (tmp_path / "in").write_text("one\ntwo\n")
    options = [f"checkpoint={output}", f"input={tmp_path / 'in'}", "generation.max_len_b=5"]
    assert len(call("generate", *options).out.splitlines()) == 2


def test_listed_checkpoints(call: Call, trained: Path, tmp_path: Path) -> None:
    parts = [trained / "checkpoints" / f"update-{update:08d}" for update in (8, 24)]
    listed = ",".join(map(str, parts))
    assert call("average", f"checkpoint=[{listed}]", f"output={tmp_path / 'mean'}").code == 0
    assert_mean(tmp_path / "mean", parts)


def test_an_average_cannot_be_resumed(call: Call, trained: Path, tmp_path: Path) -> None:
    assert call("average", f"checkpoint=[{trained}]", f"output={tmp_path / 'mean'}").code == 0
    assert "this is a checkpoint, and no run" in call(f"resume={tmp_path / 'mean'}").refused()


@pytest.mark.parametrize("overrides", [["output=."], ["output=new", "last=0"], ["output=new", "checkpoint=[nowhere]"]])
def test_refused(
    call: Call, trained: Path, tmp_path: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("average", f"checkpoint=[{trained}]", *overrides).refused()
    assert list(tmp_path.iterdir()) == []


def test_models_that_do_not_fit(call: Call, train: Call, trained: Path, tmp_path: Path) -> None:
    assert train("model.encoder_ffn_embed_dim=8", "training.max_update=1").code == 0
    message = call("average", f"checkpoint=[{trained},{tmp_path / 'run'}]", f"output={tmp_path / 'mean'}").refused()
    assert "holds other parameters than" in message
    assert not (tmp_path / "mean").exists()
