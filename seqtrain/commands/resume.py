"""``resume=RUN``: go on with a run, exactly."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from seqtrain.checkpoint import Checkpoint, named
from seqtrain.commands import train
from seqtrain.commands._words import PLUGINS, SEARCHPATH, plugins_choice, value_of
from seqtrain.commands.hydra_files import config_file, read_config, user_directories
from seqtrain.composition import discover, from_container, register_all, searchpath_override, to_container
from seqtrain.config import Plugins, TrainConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.locks import locked
from seqtrain.manifest import MANIFEST
from seqtrain.signals import ending_at_once
from seqtrain.training import session
from seqtrain.training.environment import flat
from seqtrain.training.logs import logging_to

SAFE_OVERRIDES = (
    *(f"training.{name}" for name in ("max_update", "max_epoch", "stop_time_hours", "patience")),
    *("training.log_interval", "training.log_base", "training.device", "training.num_threads"),
    "training.keep_memory",
    *("saving.interval_", "saving.keep_", "validation.", "generation.", "tracking.", "dataset.cache_dir", "task.data"),
    *("criterion.teacher", "scorer."),
)
"""Keys, or what they begin with, that a resume may override: they cannot change what is past."""

FORCE = "resume_force="


def resume(directory: Path, overrides: Sequence[str]) -> float:
    """Go on with a run from its last checkpoint, or from its start if it has none; return the objective.

    Raises:
        CheckpointError: the directory holds no run, or the code of its plug-ins has changed.
        ConfigError: an override would change what is past.
        PluginError: a plug-in is not there.
    """
    if not config_file(directory).is_file():
        what = "this is a checkpoint, and no run" if (directory / MANIFEST).is_file() else "there is no run here"
        raise CheckpointError(f"resume={directory}: {what}; name the directory that a run printed")
    with locked(directory), ending_at_once():
        return _resume(directory, overrides)


def _resume(directory: Path, overrides: Sequence[str]) -> float:
    register_all()
    plugins, forced = plugins_choice(overrides), _is_forced(overrides)
    wanted = [override for override in overrides if not override.startswith((SEARCHPATH, PLUGINS, FORCE))]
    if not forced:
        _check_overrides(wanted)
    checkpoint = _last_whole(directory)
    _import_directories(directory, overrides, plugins, checkpoint)
    if checkpoint is not None:
        _check_code(checkpoint, plugins, forced)
        cfg = checkpoint.config(wanted)
        return train.finish(cfg, session.train(cfg, directory, resume=checkpoint, resume_force=forced))
    cfg = from_container(read_config(directory), wanted)
    return train.finish(cfg, session.train(cfg, directory))


def resume_same(directory: Path, cfg: TrainConfig, overrides: Sequence[str]) -> float:
    """Go on with a run for which ``cfg`` was composed from overrides once more; return the objective.

    Raises:
        ConfigError: an override has another value than the run was started with, and that is past.
    """
    with locked(directory):
        checkpoint = _last_whole(directory)
        saved = {} if checkpoint is None else checkpoint.container()
        safe = [override for override in overrides if override.startswith(SAFE_OVERRIDES)]
        changed = list(_changed(overrides, to_container(cfg), saved))
        if checkpoint is not None and not changed:
            _warn_of_others(directory, to_container(cfg), to_container(checkpoint.config(safe)))
        own = [override for override in overrides if override.startswith((SEARCHPATH, PLUGINS, FORCE))]
        return resume(directory, [*safe, *changed, *own])


def _warn_of_others(directory: Path, composed: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Say what of a command's config does not count: a file of it was edited since, or an override left out."""
    here, there = dict(flat(composed)), dict(flat(own))
    other = [f"{key} is {there[key]}, not {here[key]}" for key in here if key in there and here[key] != there[key]]
    if other:
        print(f"warning: {directory} goes on with its own config, in which {'; '.join(other)}")


def _is_forced(overrides: Sequence[str]) -> bool:
    """Tell whether to go on whatever has changed.

    Raises:
        ConfigError: the word says neither yes nor no.
    """
    value = value_of(overrides, FORCE, "false")
    if value.lower() not in ("true", "false"):
        raise ConfigError(f"{FORCE}{value}: must be true or false")
    return value.lower() == "true"


def _import_directories(
    run_directory: Path, overrides: Sequence[str], plugins: Plugins, checkpoint: Checkpoint | None
) -> None:
    """Import the user directories that an override names, or those that the run was started with.

    Raises:
        PluginError: a directory cannot be imported, or is not there and there is no checkpoint to say what for.
        CheckpointError: the run has no copy of their code.
    """
    named = [override for override in overrides if override.startswith(SEARCHPATH)]
    if plugins is Plugins.bundled and checkpoint is None:
        raise CheckpointError(f"{run_directory} has no checkpoint yet that holds a copy: leave out {PLUGINS}bundled")
    if plugins is Plugins.installed and not named:
        named = searchpath_override(_known_directories(run_directory, checkpoint))
    if named:
        discover(named)


def _known_directories(run_directory: Path, checkpoint: Checkpoint | None) -> list[str]:
    """Return the user directories that a run was started with.

    A job of Hydra's own, of a sweep, has them as they were typed: relative to where the sweep was started. Where there
    is a checkpoint it says where its plug-ins were, and which of them are missing if a directory is not there any more.
    """
    started_with = user_directories(run_directory)
    if checkpoint is None:
        return started_with
    packages = [name for name in started_with if "://" in name]
    directories = dict.fromkeys([*checkpoint.bundle().directories(), *started_with])
    return [*packages, *(name for name in directories if Path(name).is_absolute() and Path(name).is_dir())]


def _check_code(checkpoint: Checkpoint, plugins: Plugins, forced: bool) -> None:
    """Make sure that the plug-ins are there, with the code that the checkpoint was made with.

    Raises:
        CheckpointError: the code has changed, and that is not forced.
        PluginError: a plug-in is not there.
    """
    with logging_to(Console(stderr=True)):
        unchanged = checkpoint.bundle().provide(plugins)
    if not (unchanged or forced):
        raise CheckpointError(
            f"resume= goes on exactly, and the code of plug-ins has changed since {checkpoint.path} was written: "
            "put it back, run the copy in the checkpoint with plugins=bundled, or add resume_force=true"
        )


def _last_whole(directory: Path) -> Checkpoint | None:
    """Return the newest checkpoint of a run, or None if it has none; damaged ones before it are put aside.

    Raises:
        CheckpointError: all are damaged.
    """
    damaged: list[tuple[Path, CheckpointError]] = []
    for path in reversed(named(directory / "checkpoints")):
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


def _check_overrides(overrides: Sequence[str]) -> None:
    """Refuse overrides that would change the past.

    Raises:
        ConfigError: one would.
    """
    refused = [override for override in overrides if not override.startswith(SAFE_OVERRIDES)]
    if refused:
        raise ConfigError(
            f"resume= goes on with the run's own config; {', '.join(refused)} would change what is past. "
            "Leave it out, start a new run, or add resume_force=true"
        )


def _changed(overrides: Sequence[str], composed: Mapping[str, Any], saved: Mapping[str, Any]) -> Iterator[str]:
    """Yield the overrides that are not safe and say something else than the saved config."""
    now, before = OmegaConf.create(dict(composed)), OmegaConf.create(dict(saved))
    for override in overrides:
        key = override.split("=")[0].lstrip("+~")
        if not override.startswith((*SAFE_OVERRIDES, "hydra.")) and OmegaConf.select(now, key) != OmegaConf.select(
            before, key
        ):
            yield override
