"""Whether two checkpoints hold the same tensors, and if not, which differ and by how much."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from torch import Tensor

from seqtrain.manifest import read_manifest
from seqtrain.tensor_files import read_tensors

MOST = 5
"""Tensors of a file that are named."""


def different_files(first: Path, second: Path) -> list[str]:
    """Return a line for each file of tensors that two checkpoints do not share, and for its first tensors."""
    one, other = (_tensor_files(path) for path in (first, second))
    lines: list[str] = []
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            lines.append(f"{name} is only in {first if name in one else second}")
        elif one[name] != other[name]:
            lines.append(f"{name} differs:")
            lines += [f"  {line}" for line in islice(_different_tensors(first / name, second / name), MOST)]
    return lines


def _tensor_files(checkpoint: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of tensors."""
    files = read_manifest(checkpoint)
    return {name: entry.sha256 for name, entry in files.items() if name.endswith(".safetensors")}


def _different_tensors(first: Path, second: Path) -> Iterator[str]:
    """Yield a line for each tensor that differs, in the order of the first file."""
    one, other = read_tensors(first), read_tensors(second)
    for name, tensor in one.items():
        if name not in other:
            yield f"{name} is missing"
        elif change := _change(tensor, other[name]):
            yield f"{name}: {change}"


def _change(one: Tensor, other: Tensor) -> str:
    """Return by how much a tensor differs; empty if it does not."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return f"{one.dtype} {list(one.shape)} and {other.dtype} {list(other.shape)}"
    difference = (one.double() - other.double()).abs()
    number = int(difference.ne(0).sum())
    if not number:
        return ""
    largest, size = float(difference.max()), float(one.double().abs().max())
    return f"{number} of {difference.numel()} numbers by at most {largest:.3g} (the largest is {size:.3g})"
