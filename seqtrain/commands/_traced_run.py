"""One run of ``verify``: trains to an update or goes on to it, and writes a trace."""

import dataclasses
from pathlib import Path

from seqtrain.checkpoint import STATE, Checkpoint, complete
from seqtrain.config import TrainConfig
from seqtrain.manifest import read_manifest
from seqtrain.training.hooks.stop_after import StopAfter
from seqtrain.training.hooks.tracing import Tracing
from seqtrain.training.session import train
from seqtrain.training.trace import Kind, Record, write_record


def traced_run(cfg: TrainConfig, directory: Path, trace: Path, *, stop_after: int, updates: int) -> None:
    """Train in a run directory, or go on from its last checkpoint.

    Args:
        cfg: the config; that of the checkpoint, if there is one, takes its place.
        directory: run directory.
        trace: file to write.
        stop_after: update to stop after; as an interrupt does if that is before the end of the whole.
        updates: updates of the whole.
    """
    checkpoints = complete(directory / "checkpoints")
    resume = Checkpoint.open(checkpoints[-1]) if checkpoints else None
    cfg = resume.config() if resume else with_shorter_intervals(cfg, updates // 2)
    hooks = (Tracing(trace), StopAfter(stop_after, interrupted=stop_after < updates))
    result = train(cfg, directory, resume=resume, hooks=hooks)
    last = complete(directory / "checkpoints")[-1]
    with trace.open("a", encoding="utf-8") as file:
        for name, entry in read_manifest(last).items():
            if name != STATE:  # which holds times, never the same twice
                file.write(write_record(Record(result.num_updates, 0, Kind.file, name, entry.sha256)))


def with_shorter_intervals(cfg: TrainConfig, updates: int) -> TrainConfig:
    """Return a config that validates and saves at least every so many updates; nothing else of it changes."""

    def interval(configured: int) -> int:
        return min(configured or updates, updates)

    return dataclasses.replace(
        cfg,
        validation=dataclasses.replace(cfg.validation, interval_updates=interval(cfg.validation.interval_updates)),
        saving=dataclasses.replace(cfg.saving, interval_updates=interval(cfg.saving.interval_updates)),
    )
