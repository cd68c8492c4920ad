"""The batches of a work as a file that other toolkits' environments can read, and what model is trained on them.

This needs nothing but the standard library; :mod:`benchmarks._export_batches` writes what is read here.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Pair = tuple[list[int], list[int]]
"""Source and target of a sentence pair, each with the end of sentence."""


@dataclass(frozen=True)
class Model:
    """A post-norm transformer with one table of embeddings, and how it is trained."""

    vocabulary: int
    dim: int
    ffn_dim: int
    layers: int
    heads: int
    dropout: float
    max_tokens: int
    bos: int
    pad: int
    eos: int
    unk: int
    lr: float = 5e-3
    warmup_updates: int = 2000
    beta1: float = 0.9
    beta2: float = 0.98
    label_smoothing: float = 0.1


def write_batches(directory: Path, model: Model, batches: Sequence[Sequence[Pair]]) -> None:
    """Write a model's description, and each batch as a line."""
    (directory / "model.json").write_text(json.dumps(asdict(model)), encoding="utf-8")
    with (directory / "batches.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(batch)}\n" for batch in batches)


def read_model(directory: Path) -> Model:
    """Return the description."""
    return Model(**json.loads((directory / "model.json").read_text(encoding="utf-8")))


def read_batches(directory: Path) -> Iterator[list[Pair]]:
    """Yield the batches."""
    with (directory / "batches.jsonl").open(encoding="utf-8") as file:
        for line in file:
            yield [(source, target) for source, target in json.loads(line)]


def write_text(given: Path, directory: Path, special: Sequence[str]) -> int:
    """Write the sentences as text whose words are ids, ``train.source`` and ``train.target``, and the ``vocabulary``.

    Args:
        given: where the batches are.
        directory: where to write.
        special: the toolkit's special symbols, which stand first in the vocabulary; text has none.

    Returns:
        How many sentences there are.
    """
    model, pairs = read_model(given), [pair for batch in read_batches(given) for pair in batch]
    for name, side in (("source", 0), ("target", 1)):
        lines = (f"{' '.join(map(str, pair[side][:-1]))}\n" for pair in pairs)
        (directory / f"train.{name}").write_text("".join(lines), encoding="utf-8")
    words = [str(id) for id in range(model.vocabulary) if id not in (model.bos, model.pad, model.eos, model.unk)]
    (directory / "vocabulary").write_text("".join(f"{word}\n" for word in [*special, *words]), encoding="utf-8")
    return len(pairs)
