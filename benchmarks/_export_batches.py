"""Writes the batches of a work's first epoch for other toolkits: a directory, then the words of a command line."""

import sys
from pathlib import Path

from torch import Tensor

import seqtrain
from benchmarks._batches import Model, Pair, write_batches
from seqtrain.base import Batch, Dictionary, PlanSpec, TaskInfo
from seqtrain.config import TrainConfig
from seqtrain.models.transformer import TransformerConfig
from seqtrain.registry import REGISTRIES


def export(cfg: TrainConfig, directory: Path) -> None:
    """Write the batches that a run with this config begins with, an epoch of them."""
    task = REGISTRIES["task"].build(cfg.task)
    task.prepare()
    dataset = task.training_dataset(epoch=1, seed=cfg.training.seed)
    plan = PlanSpec(cfg.dataset.max_tokens, seed=cfg.training.seed)
    batches = list(map(pairs, task.get_batch_iterator(dataset, epoch=1, plan=plan)))
    write_batches(directory, described(cfg, task.info), batches)


def pairs(batch: Batch) -> list[Pair]:
    """Return the sentence pairs of a batch, without padding."""
    return list(zip(*map(unpadded, (batch.net_input["source_tokens"], batch.target)), strict=True))


def unpadded(tokens: Tensor) -> list[list[int]]:
    """Return rows (B, T) as lists of ids up to the padding."""
    lengths = tokens.ne(Dictionary.pad).sum(1).tolist()
    return [row[:length] for row, length in zip(tokens.tolist(), lengths, strict=True)]


def described(cfg: TrainConfig, info: TaskInfo) -> Model:
    """Return what model the config trains."""
    assert isinstance(cfg.model, TransformerConfig)
    dictionary = info.target_dictionary
    return Model(
        vocabulary=len(dictionary),
        dim=cfg.model.decoder_embed_dim,
        ffn_dim=cfg.model.decoder_ffn_embed_dim,
        layers=cfg.model.decoder_layers,
        heads=cfg.model.decoder_attention_heads,
        dropout=cfg.model.dropout,
        max_tokens=cfg.dataset.max_tokens,
        bos=dictionary.bos,
        pad=dictionary.pad,
        eos=dictionary.eos,
        unk=dictionary.unk,
    )


if __name__ == "__main__":
    _, given, *words = sys.argv
    export(seqtrain.compose(words), Path(given))
