"""A transformer of seqtrain as files that other tools' environments can read: sizes, and arrays by seqtrain's names.

It is one that Marian's models in Hugging Face can be: post-norm, relu, and one table of embeddings.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks._worker import Array

POSITIONS = "positions"
"""Name of the position embeddings (P, D), the first of a sequence first."""
EMBEDDINGS = "encoder.embedding.tokens.weight"
"""Name of the embeddings (V, D) of source, target and output."""


@dataclass(frozen=True)
class Sizes:
    """What the shapes of the arrays do not tell, or not directly; ids of the special symbols."""

    vocabulary: int
    dim: int
    encoder_layers: int
    decoder_layers: int
    encoder_heads: int
    decoder_heads: int
    encoder_ffn: int
    decoder_ffn: int
    max_positions: int
    bos: int
    pad: int
    eos: int
    unk: int
    start: int
    """What decoding starts from."""


def write(directory: Path, sizes: Sizes, arrays: Mapping[str, Array]) -> None:
    """Write both into a new directory."""
    directory.mkdir()
    (directory / "sizes.json").write_text(json.dumps(asdict(sizes)), encoding="utf-8")
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array)


def read(directory: Path) -> tuple[Sizes, dict[str, Array]]:
    """Return what was written."""
    sizes = Sizes(**json.loads((directory / "sizes.json").read_text(encoding="utf-8")))
    return sizes, {file.stem: np.load(file) for file in directory.glob("*.npy")}
