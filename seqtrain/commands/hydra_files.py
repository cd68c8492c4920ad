"""``.hydra/`` of a run directory: written as Hydra does for the jobs that it runs itself, and read by a resume."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqtrain.composition import without_hydra
from seqtrain.documents import short
from seqtrain.errors import CheckpointError
from seqtrain.paths import atomic_file, remove_leftovers, writable
from seqtrain.training.run_directory import check_unused


def new_run_directory(node: DictConfig) -> Path:
    """Make the run directory that a composed config names, with ``.hydra/`` in it; user directories by full paths.

    Raises:
        ConfigError: a run has saved into it.
        SeqtrainError: it cannot be written.
    """
    directory = Path(node.hydra.run.dir)
    check_unused(directory)
    with open_dict(node.hydra):
        node.hydra.runtime.output_dir = str(directory.absolute())
        node.hydra.searchpath = [
            path if "://" in path else str(Path(path).expanduser().absolute()) for path in node.hydra.searchpath or []
        ]
    with writable(directory):
        _write(directory, OmegaConf.masked_copy(node, ["hydra"]), node.hydra.overrides.task, without_hydra(node))
    return directory


def config_file(run_directory: Path) -> Path:
    """Return the file that makes a directory a run: the config that it was started with."""
    return run_directory / ".hydra" / "config.yaml"


def repeated_run_directory(
    directory: Path, config: Mapping[str, Any], overrides: Sequence[str], searchpath: Sequence[str]
) -> None:
    """Make the run directory of a run that repeats another, with ``.hydra/`` in it.

    Raises:
        ConfigError: a run has saved into it.
        SeqtrainError: it cannot be written.
    """
    check_unused(directory)
    hydra = {"searchpath": list(searchpath), "runtime": {"cwd": str(Path.cwd()), "output_dir": str(directory)}}
    with writable(directory):
        _write(directory, {"hydra": hydra}, list(overrides), config)


def user_directories(run_directory: Path) -> list[str]:
    """Return the user directories that a run was started with; Hydra's own jobs note them as they were typed.

    Raises:
        CheckpointError: the file that names them is damaged.
    """
    file = run_directory / ".hydra" / "hydra.yaml"
    with _reading(file):
        hydra = OmegaConf.load(file) if file.is_file() else OmegaConf.create()
        cwd = Path(OmegaConf.select(hydra, "hydra.runtime.cwd") or "")
        entries = list(map(str, OmegaConf.select(hydra, "hydra.searchpath") or []))
        return [entry if "://" in entry else str(cwd / Path(entry).expanduser()) for entry in entries]


def read_config(run_directory: Path) -> dict[str, Any]:
    """Return the config that a run was started with, as plain data.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    file = config_file(run_directory)
    with _reading(file):
        container = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    if not isinstance(container, dict):
        raise CheckpointError(f"{file} holds no config: the run directory is damaged")
    return {str(key): value for key, value in container.items()}


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Say which file cannot be used, whatever OmegaConf and PyYAML make of it."""
    try:
        yield
    except (OSError, OmegaConfBaseException, YAMLError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{file} cannot be read ({short(error)}): the run directory is damaged") from error


def _write(directory: Path, hydra: Any, overrides: Any, config: Any) -> None:
    """Write Hydra's own config, overrides, and last the config, which makes it a run that can go on."""
    output = directory / ".hydra"
    output.mkdir(parents=True, exist_ok=True)
    config_file(directory).unlink(missing_ok=True)
    remove_leftovers(output)
    for file, content in (
        (output / "hydra.yaml", hydra),
        (output / "overrides.yaml", overrides),
        (config_file(directory), config),
    ):
        with atomic_file(file) as stream:
            stream.write(OmegaConf.to_yaml(content))
