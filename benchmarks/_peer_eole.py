"""Trains a transformer of eole's, on the sentences of seqtrain's batches; eole makes batches of its own.

Its layers are pre-norm: it has no others. Ids are its words. Its log tells the speed.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from eole.bin.run.train import train
from eole.config.run import TrainConfig

from benchmarks._batches import Model, read_model, write_text


def config(model: Model, directory: Path, sentences: int, updates: int, warmup: int) -> dict[str, Any]:
    """Return eole's config."""
    return {
        "data": {"train": {"path_src": str(directory / "train.source"), "path_tgt": str(directory / "train.target")}},
        "src_vocab": str(directory / "vocabulary"),
        "share_vocab": True,
        "seed": 1,
        "report_every": warmup,
        "overwrite": True,
        "model": {
            "architecture": "transformer",
            "layers": model.layers,
            "hidden_size": model.dim,
            "heads": model.heads,
            "transformer_ff": model.ffn_dim,
            "add_qkvbias": True,
            "add_ffnbias": True,
            "share_embeddings": True,
            "share_decoder_embeddings": True,
            "embeddings": {
                "word_vec_size": model.dim,
                "position_encoding": True,
                "position_encoding_type": "SinusoidalInterleaved",
            },
        },
        "training": {
            "model_path": str(directory / "model"),
            "gpu_ranks": [],
            "num_workers": 0,
            "bucket_size": sentences,
            "batch_type": "tokens",
            "batch_size": model.max_tokens,
            "normalization": "tokens",
            "train_steps": updates,
            "save_checkpoint_steps": 0,
            "valid_steps": updates + 1,
            "dropout": [model.dropout],
            "attention_dropout": [0.0],
            "label_smoothing": model.label_smoothing,
            "optim": "adam",
            "adam_beta1": model.beta1,
            "adam_beta2": model.beta2,
            "learning_rate": model.lr,
            "decay_method": "rsqrt",
            "warmup_steps": model.warmup_updates,
            "max_grad_norm": 0.0,
            "log_attention_entropy": False,
        },
    }


if __name__ == "__main__":
    given, place = map(Path, sys.argv[1:3])
    updates, warmup, threads = map(int, sys.argv[3:])
    torch.set_num_threads(threads)
    model = read_model(given)
    sentences = write_text(given, place, ("<s>", "<blank>", "</s>", "<unk>"))
    train(TrainConfig(**config(model, place, sentences, updates, warmup)))
