"""Trains a transformer of JoeyNMT's, on the sentences of seqtrain's batches; JoeyNMT makes batches of its own.

Its batches hold sentences of any lengths. Ids are its words. Each of its reports is printed as a line of JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from joeynmt.training import TrainManager, train

from benchmarks._batches import Model, read_model, write_text


def config(model: Model, directory: Path, updates: int, warmup: int) -> dict[str, Any]:
    """Return JoeyNMT's config."""
    (directory / "model").mkdir()
    text = {"level": "word", "lowercase": False, "max_length": 1000, "voc_file": str(directory / "vocabulary")}
    side = {
        "type": "transformer",
        "num_layers": model.layers,
        "num_heads": model.heads,
        "embeddings": {"embedding_dim": model.dim, "scale": True, "dropout": model.dropout},
        "hidden_size": model.dim,
        "ff_size": model.ffn_dim,
        "dropout": model.dropout,
        "layer_norm": "post",
    }
    return {
        "name": "benchmark",
        "model_dir": str(directory / "model"),
        "use_cuda": False,
        "random_seed": 1,
        "data": {
            "train": str(directory / "train"),
            "dev": str(directory / "train"),
            "dataset_type": "plain",
            "src": {**text, "lang": "source"},
            "trg": {**text, "lang": "target"},
        },
        "training": {
            "optimizer": "adam",
            "adam_betas": [model.beta1, model.beta2],
            "learning_rate": model.lr,
            "learning_rate_min": 0.0,
            "scheduling": "warmupinversesquareroot",
            "learning_rate_warmup": model.warmup_updates,
            "normalization": "tokens",
            "label_smoothing": model.label_smoothing,
            "batch_type": "token",
            "batch_size": model.max_tokens,
            "epochs": 1000,
            "updates": updates,
            "logging_freq": warmup,
            "validation_freq": 1000 * warmup,
        },
        "testing": {},
        "model": {
            "initializer": "xavier_uniform",
            "tied_embeddings": True,
            "tied_softmax": True,
            "encoder": side,
            "decoder": side,
        },
    }


def tell_intervals(interval: int) -> None:
    """Let JoeyNMT print what it measures of each interval of updates."""
    log_scores = TrainManager._log_scores

    def told(manager: TrainManager, epoch: int, seconds: float, start_tokens: int, *more: Any) -> None:
        tokens = manager.stats.total_tokens - start_tokens
        print(json.dumps({"updates": interval, "tokens": tokens, "seconds": seconds}), flush=True)
        log_scores(manager, epoch, seconds, start_tokens, *more)

    TrainManager._log_scores = told


if __name__ == "__main__":
    given, place = map(Path, sys.argv[1:3])
    updates, warmup, threads = map(int, sys.argv[3:])
    torch.set_num_threads(threads)
    write_text(given, place, ("<unk>", "<pad>", "<s>", "</s>"))
    tell_intervals(warmup)
    train(0, 1, config(read_model(given), place, updates, warmup), skip_test=True)
