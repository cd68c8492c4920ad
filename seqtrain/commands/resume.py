"""``resume=RUN``: go on with a run, exactly."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from seqtrain.checkpoint import Checkpoint, complete
from seqtrain.commands import train
from seqtrain.commands.hydra_files import read_config, user_directories
from seqtrain.composition import from_container, register_all, to_container
from seqtrain.config import TrainConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.plugins import import_user_directory
from seqtrain.training import session

SAFE_OVERRIDES = (
    *(f"training.{name}" for name in ("max_update", "max_epoch", "stop_time_hours", "patience")),
    *("training.log_interval", "training.log_base", "training.device", "training.num_threads"),
    *("saving.interval_", "saving.keep_", "validation.", "generation.", "tracking.", "dataset.cache_dir", "task.data"),
)
"""Keys, or what they begin with, that a resume may override: they cannot change what is past."""


SEARCHPATH = "hydra.searchpath="


def resume(directory: Path, overrides: Sequence[str]) -> float:
    """Go on with a run from its last checkpoint, or from its start if it has none; return the objective.

    Raises:
        CheckpointError: the directory holds no run.
        ConfigError: an override would change what is past.
    """
    if not (directory / ".hydra").is_dir():
        raise CheckpointError(f"resume={directory}: there is no run here; name the directory that a run printed")
    register_all()
    for path in _searchpath(directory, overrides):
        if "://" not in path:
            import_user_directory(Path(path))
    overrides = _check_overrides([override for override in overrides if not override.startswith(SEARCHPATH)])
    checkpoint = _last_whole(directory)
    if checkpoint is not None:
        cfg = checkpoint.config(overrides)
        return train.finish(cfg, session.train(cfg, directory, resume=checkpoint))
    cfg = from_container(read_config(directory), overrides)
    return train.finish(cfg, session.train(cfg, directory))


def resume_same(directory: Path, cfg: TrainConfig, overrides: Sequence[str]) -> float:
    """Go on with a run for which ``cfg`` was composed from overrides once more; return the objective.

    Raises:
        ConfigError: an override has another value than the run was started with, and that is past.
    """
    checkpoint = _last_whole(directory)
    saved = {} if checkpoint is None else checkpoint.container()
    safe = [override for override in overrides if override.startswith(SAFE_OVERRIDES)]
    return resume(directory, [*safe, *_changed(overrides, to_container(cfg), saved)])


def _searchpath(directory: Path, overrides: Sequence[str]) -> list[str]:
    """Return a run's user directories, or where an override says that they are now."""
    for override in overrides:
        value = OverridesParser.create().parse_override(override).value() if override.startswith(SEARCHPATH) else None
        if isinstance(value, list):
            return [str(path).removeprefix("file://") for path in value]
    return [path.removeprefix("file://") for path in user_directories(directory)]


def _last_whole(directory: Path) -> Checkpoint | None:
    """Return the newest checkpoint of a run, or None if it has none; damaged ones before it are put aside.

    Raises:
        CheckpointError: all are damaged.
    """
    damaged: list[tuple[Path, CheckpointError]] = []
    for path in reversed(complete(directory / "checkpoints")):
        try:
            whole = Checkpoint.open(path)
        except CheckpointError as error:
            damaged.append((path, error))
            continue
        for aside, problem in damaged:
            aside.rename(aside.with_name(f"damaged-{aside.name}"))
            print(f"warning: {problem}; it is now called damaged-{aside.name}, and the run goes on from {path.name}")
        return whole
    if damaged:
        raise damaged[0][1]
    return None


def _check_overrides(overrides: Sequence[str]) -> list[str]:
    """Return the overrides to apply, refusing those that would change the past unless ``resume_force=true``."""
    forced = "resume_force=true" in overrides
    wanted = [override for override in overrides if not override.startswith("resume_force=")]
    refused = [override for override in wanted if not override.startswith(SAFE_OVERRIDES)]
    if refused and not forced:
        raise ConfigError(
            f"resume= goes on with the run's own config; {', '.join(refused)} would change what is past. "
            "Leave it out, start a new run, or add resume_force=true"
        )
    return wanted


def _changed(overrides: Sequence[str], composed: Mapping[str, Any], saved: Mapping[str, Any]) -> Iterator[str]:
    """Yield the overrides that are not safe and say something else than the saved config."""
    now, before = OmegaConf.create(dict(composed)), OmegaConf.create(dict(saved))
    for override in overrides:
        key = override.split("=")[0].lstrip("+~")
        if not override.startswith((*SAFE_OVERRIDES, "hydra.")) and OmegaConf.select(now, key) != OmegaConf.select(
            before, key
        ):
            yield override
