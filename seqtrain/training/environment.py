"""What the numbers of a run depend on besides its config, as a checkpoint records it.

``PYTHONHASHSEED`` is not recorded: nothing here iterates over a set, and ``seqtrain verify`` gives each of its runs
another one, so that code which does is found.
"""

import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from seqtrain import __version__
from seqtrain.composition import to_container
from seqtrain.config import TrainConfig
from seqtrain.documents import fits, short
from seqtrain.errors import CheckpointError
from seqtrain.processor import cpu_name

PACKAGES = ("numpy", "safetensors", "sentencepiece")
"""Distributions that are recorded besides torch."""

OF_NUMBERS = ("seqtrain", "torch", *PACKAGES, "cpu", "cpu_capability", "num_threads", "device", "cuda", "cudnn")
"""What changes the last digits of numbers, or may: the others are for who reads it."""


def environment(device: torch.device) -> dict[str, Any]:
    """Return versions, the processor, the number of threads and the device that computes."""
    return {
        "seqtrain": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "num_threads": torch.get_num_threads(),
        **_of_device(device),
    }


def value_changes(before: Mapping[str, Any], now: Mapping[str, Any], names: Iterable[str] = ()) -> list[str]:
    """Return a line for each value that has changed, of these names or all; what was not recorded is left out."""
    return [
        f"{name} was {before[name]} and is {now.get(name, 'not here')}"
        for name in names or before
        if name in before and before[name] != now.get(name)
    ]


def started(run_directory: Path) -> dict[str, Any]:
    """Return how a run was started: the overrides as typed, if Hydra's files say so, and the directory.

    Relative paths in its config are relative to that directory.

    Raises:
        CheckpointError: Hydra's file is damaged.
    """
    file = run_directory / ".hydra" / "overrides.yaml"
    try:
        overrides = (yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None) or []
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise CheckpointError(f"{file} cannot be read ({short(error)}): the run directory is damaged") from error
    if not fits(overrides, list[str]):
        raise CheckpointError(f"{file} holds no list of overrides: the run directory is damaged")
    return {"overrides": overrides, "working_directory": str(Path.cwd()), "resumed": []}


def resumed(state: Mapping[str, Any], before: Mapping[str, Any], cfg: TrainConfig) -> dict[str, Any]:
    """Return how a run was started that goes on from a checkpoint, and where its config has changed since.

    Args:
        state: what the checkpoint recorded.
        before: its config, as plain data.
        cfg: the config to go on with.
    """
    there: dict[str, Any] = state.get("started", {"overrides": [], "resumed": []})
    changed = value_changes(dict(flat(before)), dict(flat(to_container(cfg))))
    here = [{"num_updates": state["trainer"]["num_updates"], "changed": changed}] if changed else []
    return there | {"working_directory": str(Path.cwd()), "resumed": [*there["resumed"], *here]}


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its key, with dots."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _of_device(device: torch.device) -> dict[str, Any]:
    if device.type != "cuda":
        return {"device": device.type}
    return {
        "device": torch.cuda.get_device_name(device),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }
