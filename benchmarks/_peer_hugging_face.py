"""Trains a Marian model of Hugging Face transformers with its Seq2SeqTrainer, on seqtrain's own batches.

The model is post-norm with sinusoidal positions, as seqtrain's is. An example of the trainer's is a whole batch here.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmarks._batches import Model, Pair, read_batches, read_model

IGNORED = -100
"""Target that has no loss."""


class Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes when updates were done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note an update."""
        self.times.append(time.perf_counter())


def collated(model: Model, batch: Sequence[Pair]) -> dict[str, Tensor]:
    """Return what the model takes: source (B, S), shifted target and target (B, T)."""

    def padded(rows: list[list[int]], value: int = model.pad) -> Tensor:
        return pad_sequence(list(map(torch.tensor, rows)), batch_first=True, padding_value=value)

    sources, targets = map(list, zip(*batch, strict=True))
    input_ids = padded(sources)
    return {
        "input_ids": input_ids,
        "attention_mask": input_ids.ne(model.pad).long(),
        "decoder_input_ids": padded([[model.eos, *target[:-1]] for target in targets]),
        "labels": padded(targets, IGNORED),
    }


def config(model: Model) -> transformers.MarianConfig:
    """Return the config of such a model."""
    return transformers.MarianConfig(
        vocab_size=model.vocabulary,
        d_model=model.dim,
        encoder_layers=model.layers,
        decoder_layers=model.layers,
        encoder_attention_heads=model.heads,
        decoder_attention_heads=model.heads,
        encoder_ffn_dim=model.ffn_dim,
        decoder_ffn_dim=model.ffn_dim,
        dropout=model.dropout,
        activation_function="relu",
        scale_embedding=True,
        bos_token_id=model.bos,
        pad_token_id=model.pad,
        eos_token_id=model.eos,
        forced_eos_token_id=model.eos,
        decoder_start_token_id=model.eos,
    )


def arguments(model: Model, directory: Path, updates: int, warmup: int) -> transformers.Seq2SeqTrainingArguments:
    """Return how it is trained."""
    return transformers.Seq2SeqTrainingArguments(
        output_dir=str(directory),
        per_device_train_batch_size=1,
        train_sampling_strategy="sequential",
        max_steps=updates,
        label_smoothing_factor=model.label_smoothing,
        learning_rate=model.lr,
        adam_beta1=model.beta1,
        adam_beta2=model.beta2,
        max_grad_norm=0.0,
        lr_scheduler_type="inverse_sqrt",
        warmup_steps=model.warmup_updates,
        logging_steps=warmup,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


def train(model: Model, batches: list[list[Pair]], directory: Path, updates: int, warmup: int) -> dict[str, float]:
    """Train on so many batches; return the speed of those behind the first ``warmup``."""
    clock = Clock()
    trainer = transformers.Seq2SeqTrainer(
        model=transformers.MarianMTModel(config(model)),
        args=arguments(model, directory, updates, warmup),
        train_dataset=batches[:updates],
        data_collator=lambda examples: collated(model, examples[0]),
        callbacks=[clock],
    )
    trainer.train()
    tokens = sum(len(target) for batch in batches[warmup:updates] for _, target in batch)
    seconds = clock.times[updates - 1] - clock.times[warmup - 1]
    return {
        "tokens_per_second": tokens / seconds,
        "seconds_per_update": seconds / (updates - warmup),
        "tokens_per_update": tokens / (updates - warmup),
    }


if __name__ == "__main__":
    _, given, place, updates, warmup, threads = sys.argv
    torch.set_num_threads(int(threads))
    found = train(read_model(Path(given)), list(read_batches(Path(given))), Path(place), int(updates), int(warmup))
    print(json.dumps(found))
