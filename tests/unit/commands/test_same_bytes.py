from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from seqtrain.commands._same_bytes import MOST, different_files
from seqtrain.manifest import write_manifest

X = torch.arange(4.0)


def checkpoint(path: Path, **files: dict[str, Tensor]) -> Path:
    path.mkdir()
    (path / "config.yaml").write_text(path.name)
    for name, tensors in files.items():
        save_file({tensor: value.clone() for tensor, value in tensors.items()}, path / f"{name}.safetensors")
    write_manifest(path)
    return path


def test_the_same_whatever_else_is_in_it(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "one", model={"a": X}, optimizer={"a.exp_avg": X})
    assert different_files(first, checkpoint(tmp_path / "two", model={"a": X}, optimizer={"a.exp_avg": X})) == []


def test_by_how_much_a_tensor_differs(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "one", model={"a": X, "b": X, "c": X, "d": X})
    other = {"a": X, "b": X + torch.tensor([0, 0, 0.25, -0.5]), "c": X[:3], "e": X}
    assert different_files(first, checkpoint(tmp_path / "two", model=other)) == [
        "model.safetensors differs:",
        "  b: 2 of 4 numbers by at most 0.5 (the largest is 3)",
        "  c: torch.float32 [4] and torch.float32 [3]",
        "  d is missing",
    ]


def test_only_the_first_tensors_are_named(tmp_path: Path) -> None:
    names = [f"layer-{number}" for number in range(MOST + 3)]
    first = checkpoint(tmp_path / "one", model={name: X for name in names})
    lines = different_files(first, checkpoint(tmp_path / "two", model={name: -X for name in names}))
    assert len(lines) == 1 + MOST


def test_a_file_that_the_other_has_not(tmp_path: Path) -> None:
    first, other = checkpoint(tmp_path / "one", ema={"a": X}), checkpoint(tmp_path / "two", model={"a": X})
    assert different_files(first, other) == [
        f"ema.safetensors is only in {first}",
        f"model.safetensors is only in {other}",
    ]
