"""The checkpoint format: a directory of safetensors, YAML and JSON that is enough by itself. No code runs on loading.

``model.safetensors``, ``config.yaml`` (resolved), the task's files (``tokenizer/``), ``metrics.json``, ``training/``
(``optimizer.safetensors``, ``state.json``, and ``parameters.safetensors`` if the model is an average of them),
``plugins.json`` and ``plugins/`` if plug-ins are not seqtrain's own, ``average.json`` with what an average was made of,
and ``manifest.json``.
"""

import copy
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from seqtrain.bundle import Bundle
from seqtrain.composition import from_container, to_container
from seqtrain.config import TrainConfig
from seqtrain.documents import DocumentError, fits, read_json, read_yaml
from seqtrain.errors import CheckpointError, ConfigError, PluginError
from seqtrain.manifest import MANIFEST, read_manifest, verify, write_manifest
from seqtrain.metrics.sums import strict_json
from seqtrain.model_tensors import copied, load_tensors, model_tensors
from seqtrain.paths import atomic_directory, read_link
from seqtrain.tensor_files import read_tensors, write_tensors

MODEL, CONFIG, METRICS = "model.safetensors", "config.yaml", "metrics.json"
AVERAGE = "average.json"
OPTIMIZER, STATE = "training/optimizer.safetensors", "training/state.json"
PARAMETERS = "training/parameters.safetensors"


@dataclass(frozen=True)
class Snapshot:
    """What training goes on from besides the model."""

    optimizer: dict[str, Tensor]
    """The optimizer's tensors."""
    state: dict[str, Any]
    """All that JSON can hold."""
    parameters: dict[str, Tensor] = field(default_factory=dict)
    """The parameters, where the model that is saved is an average of theirs."""

    def copied(self) -> "Snapshot":
        """Return a copy that training, as it goes on, does not change."""
        return Snapshot(copied(self.optimizer), copy.deepcopy(self.state), copied(self.parameters))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint directory that was found whole."""

    path: Path

    @classmethod
    def open(cls, path: str | Path) -> "Checkpoint":
        """Open a checkpoint directory, or the best (else the last) one of a run directory.

        Raises:
            CheckpointError: there is none, it is incomplete or damaged, or another version wrote it.
        """
        directory = resolve(Path(path).expanduser())
        verify(directory)
        lacking = {MODEL, CONFIG, METRICS} - read_manifest(directory).keys()
        if lacking:
            raise CheckpointError(f"{directory} lacks {', '.join(sorted(lacking))}: use another checkpoint")
        return cls(directory)

    def container(self) -> dict[str, Any]:
        """Return the config as plain data.

        Raises:
            CheckpointError: it holds anything but plain values, such as an interpolation, which could read the
                environment.
        """
        container = _document(read_yaml, self.path / CONFIG)
        if not isinstance(container, dict):
            raise CheckpointError(f"{self.path / CONFIG} holds no config: use another checkpoint")
        return container

    def config(self, overrides: Iterable[str] = ()) -> TrainConfig:
        """Return the config it was trained with, with overrides applied.

        Raises:
            CheckpointError: it holds anything but plain values.
            ConfigError: a value or an override does not fit.
            PluginError: a plug-in is not registered.
        """
        container, overrides = self.container(), list(overrides)
        try:
            config = from_container(container)
        except (ConfigError, PluginError) as error:
            raise type(error)(f"{self.path / CONFIG}: {error}") from error
        return from_container(container, overrides) if overrides else config

    def bundle(self) -> Bundle:
        """Return the plug-ins that it was made with and that are not seqtrain's own."""
        return Bundle.read(self.path, read_manifest(self.path))

    def copy_files(self, directory: Path) -> None:
        """Copy what goes with the model into a new checkpoint directory: the task's files, plug-ins and their code."""
        for name in read_manifest(self.path):
            if name not in (MODEL, CONFIG, METRICS, OPTIMIZER, STATE, PARAMETERS):
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.path / name, directory / name)

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the last validation before it was written.

        Raises:
            CheckpointError: they cannot be read.
        """
        metrics = _document(read_json, self.path / METRICS)
        if not fits(metrics, dict[str, float | None]):
            raise CheckpointError(f"{self.path / METRICS} holds no numbers by name: use another checkpoint")
        return {name: math.nan if value is None else value for name, value in metrics.items()}

    def model(self) -> dict[str, Tensor]:
        """Return the saved parameters, on the CPU.

        Raises:
            CheckpointError: they cannot be read.
        """
        return read_tensors(self.path / MODEL)

    def load_model(self, model: nn.Module) -> None:
        """Copy the saved parameters into ``model``.

        Raises:
            CheckpointError: names, shapes or types do not fit.
        """
        load_tensors(model_tensors(model), self.model(), f"{self.path / MODEL}")

    @property
    def is_resumable(self) -> bool:
        """Whether it holds a state of training, and not a model alone."""
        return {STATE, OPTIMIZER} <= read_manifest(self.path).keys()

    def state(self) -> dict[str, Any]:
        """Return the state of training but for the optimizer's tensors.

        Raises:
            CheckpointError: it was written for inference only, such as an average, or cannot be read.
        """
        if not self.is_resumable:
            raise CheckpointError(f"{self.path} holds a model but no state of training: resume another checkpoint")
        state = _document(read_json, self.path / STATE)
        if not isinstance(state, dict):
            raise CheckpointError(f"{self.path / STATE} holds no state of training: resume another checkpoint")
        return state

    def snapshot(self) -> Snapshot:
        """Return what training goes on from.

        Raises:
            CheckpointError: it was written for inference only, such as an average, or cannot be read.
        """
        state = self.state()
        parameters = read_tensors(self.path / PARAMETERS) if PARAMETERS in read_manifest(self.path) else {}
        return Snapshot(read_tensors(self.path / OPTIMIZER), state, parameters)


def write(
    directory: Path,
    *,
    model: Mapping[str, Tensor],
    config: TrainConfig | Mapping[str, Any],
    metrics: Mapping[str, float],
    save_task: Callable[[Path], None],
    bundle: Bundle | None = None,
    snapshot: Snapshot | None = None,
) -> Checkpoint:
    """Write a checkpoint: aside first, synced, then under its name, so that it is whole or not there.

    Raises:
        StorageError: the place cannot be written.
        FileExistsError: ``directory`` is there already.
    """
    container = to_container(config) if isinstance(config, TrainConfig) else dict(config)
    with atomic_directory(directory) as temporary:
        write_tensors(temporary / MODEL, model)
        (temporary / CONFIG).write_text(yaml.safe_dump(container, sort_keys=False, allow_unicode=True), "utf-8")
        (temporary / METRICS).write_text(strict_json(metrics, indent=1) + "\n", encoding="utf-8")
        save_task(temporary)
        if bundle is not None:
            bundle.write(temporary)
        if snapshot is not None:
            (temporary / STATE).parent.mkdir()
            write_tensors(temporary / OPTIMIZER, snapshot.optimizer)
            (temporary / STATE).write_text(json.dumps(snapshot.state, indent=1) + "\n", encoding="utf-8")
            if snapshot.parameters:
                write_tensors(temporary / PARAMETERS, snapshot.parameters)
        write_manifest(temporary)
    return Checkpoint(directory)


def resolve(path: Path) -> Path:
    """Return the checkpoint directory that ``path`` stands for.

    Raises:
        CheckpointError: there is none.
    """
    if (path / MANIFEST).is_file() or (path / MODEL).is_file():
        return path
    for name in ("best", "last"):
        target = read_link(path / name)
        if target is not None and target.is_dir():
            return target
    newest = complete(path / "checkpoints")
    if newest:
        return newest[-1]
    if not path.exists():
        hint = f"; several of them are [{path}]" if "," in str(path) else ""
        raise CheckpointError(f"there is no {path}: name a run directory or a checkpoint directory{hint}")
    raise CheckpointError(f"{path} is no checkpoint and holds none: name a run directory or a checkpoint directory")


def complete(directory: Path) -> list[Path]:
    """Return the finished checkpoints in a directory, oldest first.

    Raises:
        CheckpointError: the directory cannot be read.
    """
    return [path for path in named(directory) if (path / MANIFEST).is_file()]


def named(directory: Path) -> list[Path]:
    """Return what has the name of a checkpoint, oldest first: without a manifest it is what a copy left unfinished.

    Raises:
        CheckpointError: the directory cannot be read.
    """
    try:  # not glob, which passes over what it cannot read
        names = os.listdir(directory) if directory.is_dir() else []
    except OSError as error:
        raise CheckpointError(f"{directory} cannot be read: {error.strerror}") from error
    return [directory / name for name in sorted(names) if name.startswith("update-")]


def _document(read: Callable[[Path], Any], file: Path) -> Any:
    """Read a file of a checkpoint."""
    try:
        return read(file)
    except DocumentError as error:
        raise CheckpointError(f"{error}: use another checkpoint") from (error.__cause__ or error)
