"""``average``: a checkpoint whose parameters are the mean of several: the newest of a run, its best, or given ones."""

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from seqtrain import checkpoint
from seqtrain.checkpoint import AVERAGE, CONFIG, MODEL, Checkpoint
from seqtrain.config import AverageConfig, SavingConfig
from seqtrain.documents import DocumentError, build
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.manifest import read_manifest
from seqtrain.training.run_directory import RunDirectory, update_of

NEWEST = 5
"""How many of the newest checkpoints are taken if nothing is said."""


def run(cfg: AverageConfig) -> None:
    """Average checkpoints and say which."""
    chosen = choose(cfg)
    average(chosen, Path(cfg.output))
    for one in chosen:
        print(one.path)
    print(f"average of {len(chosen)}: {cfg.output}")


def choose(cfg: AverageConfig) -> list[Checkpoint]:
    """Return the checkpoints to average, verified, those of a run oldest first.

    Raises:
        CheckpointError: one is missing or damaged.
        ConfigError: none is named, a run keeps fewer than are asked for, or a checkpoint is asked for what a run has.
    """
    given = [cfg.checkpoint] if isinstance(cfg.checkpoint, str) else cfg.checkpoint
    if not given:
        raise ConfigError("checkpoint=[] names nothing to average: name a run directory or checkpoint directories")
    # A name may look like a number.
    return [Checkpoint.open(path) for one in given for path in _chosen(Path(str(one)).expanduser(), cfg)]


def average(checkpoints: Sequence[Checkpoint], output: Path) -> Checkpoint:
    """Write the mean of several checkpoints' parameters as a checkpoint for inference, with a list of what it is of.

    Raises:
        CheckpointError: the checkpoints hold different parameters, or ``output`` is there already.
    """
    if output.exists():
        raise CheckpointError(f"output={output} is there already: choose another name")
    newest = checkpoints[-1]

    def save(directory: Path) -> None:
        newest.copy_files(directory)
        made_of = [{"path": str(c.path.resolve()), "model": read_manifest(c.path)[MODEL].sha256} for c in checkpoints]
        (directory / AVERAGE).write_text(json.dumps({"checkpoints": made_of}, indent=1) + "\n", encoding="utf-8")

    # No plug-in is built, so that none has to be there.
    return checkpoint.write(output, model=_mean(checkpoints), config=newest.container(), metrics={}, save_task=save)


def _chosen(path: Path, cfg: AverageConfig) -> list[Path]:
    """Return the checkpoints to take of a run directory, oldest first; of a checkpoint directory, itself."""
    kept = [Checkpoint(one) for one in checkpoint.complete(path / "checkpoints")]
    if kept:
        return sorted(one.path for one in _of_run(path, kept, cfg))
    found = checkpoint.resolve(path)
    asked = {"last": cfg.last, "best": cfg.best, "upper_bound": cfg.upper_bound}
    if said := [f"{name}={value}" for name, value in asked.items() if value is not None]:
        raise ConfigError(f"{path} is one checkpoint, and no run to choose from: leave out {' '.join(said)}")
    return [found]


def _of_run(run: Path, kept: Sequence[Checkpoint], cfg: AverageConfig) -> Sequence[Checkpoint]:
    """Return those to take of the checkpoints, oldest first, that a run directory keeps."""
    until, what, key, newest = "", "checkpoints", "saving.keep_last", kept[-1]
    if cfg.upper_bound is not None:
        until = f" up to update {cfg.upper_bound}"
        kept = [one for one in kept if update_of(one) <= cfg.upper_bound]
    if cfg.best is not None:
        saving = _saving(newest)
        what, key = f"checkpoints with a {saving.metric}", "saving.keep_best"
        kept = RunDirectory(run, saving).ranked(kept)[::-1]  # the best last
    number = cfg.best or cfg.last or min(NEWEST, max(len(kept), 1))
    if len(kept) < number:
        raise ConfigError(
            f"{run} keeps {len(kept) or 'no'} {what}{until}, and {number} are asked for: "
            f"ask for fewer, or train with {key}={number} or more"
        )
    return kept[-number:]


def _saving(newest: Checkpoint) -> SavingConfig:
    """Return what a run's config says of its checkpoints."""
    file = newest.path / CONFIG
    try:
        return build(SavingConfig, newest.container().get("saving"), f"saving in {file}")
    except DocumentError as error:
        raise CheckpointError(f"{error}: use another checkpoint") from error


def _mean(checkpoints: Sequence[Checkpoint]) -> dict[str, Tensor]:
    """Return the mean of each tensor, summed in double precision; one that is not floating-point is the newest's."""
    total: dict[str, Tensor] = {}
    for one in checkpoints:
        tensors = one.model()
        if total and (tensors.keys() != total.keys() or any(tensors[n].shape != t.shape for n, t in total.items())):
            raise CheckpointError(f"{one.path} holds other parameters than {checkpoints[0].path}: average one model's")
        for name, tensor in tensors.items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {
        name: (total[name] / len(checkpoints)).to(tensor.dtype) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
