"""``train``: train, then show what came of it."""

import shlex
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqtrain.checkpoint import Checkpoint, complete
from seqtrain.commands.trained import TrainedModel, load
from seqtrain.composition import from_container, register_all, to_config, without_hydra
from seqtrain.config import TrainConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.generation.beam import BeamSearch
from seqtrain.metrics.text import TextScore
from seqtrain.paths import writable
from seqtrain.plugins import import_user_directory
from seqtrain.training.evaluation import decode_split
from seqtrain.training.session import TrainResult, train

NUM_EXAMPLES = 5


SAFE_OVERRIDES = (
    *(f"training.{name}" for name in ("max_update", "max_epoch", "stop_time_hours", "patience")),
    *("training.log_interval", "training.log_base", "training.device", "training.num_threads"),
    *("saving.", "validation.", "generation.", "tracking.", "dataset.cache_dir", "task.data"),
)
"""Keys, or what they begin with, that a resume may override: they cannot change what is past."""


def run(node: DictConfig, directory: Path | None = None) -> float:
    """Train with a composed config and return the objective.

    Args:
        node: the config; with its ``hydra`` node where ``directory`` is None.
        directory: the run directory, with ``.hydra/`` in it; if None it is made as the config says.
    """
    cfg = to_config(node)
    if directory is None:
        directory = Path(node.hydra.run.dir)
        if has_checkpoint(directory):
            raise ConfigError(
                f"hydra.run.dir={directory} holds a run already: choose another, or go on with it: resume={directory}"
            )
        with writable(directory):
            _write_hydra(node, directory)
    return finish(cfg, train(cfg, directory))


def resume(directory: Path, overrides: Sequence[str]) -> float:
    """Go on with a run from its last checkpoint, or from its start if it has none; return the objective.

    Raises:
        CheckpointError: the directory holds no run.
        ConfigError: an override would change what is past.
    """
    if not (directory / ".hydra").is_dir():
        raise CheckpointError(f"resume={directory}: there is no run here; name the directory that a run printed")
    register_all()
    for path in _read_yaml(directory / ".hydra" / "hydra.yaml").get("hydra", {}).get("searchpath", []):
        if "://" not in path:
            import_user_directory(Path(path))
    overrides = _check_overrides(overrides)
    found = complete(directory / "checkpoints")
    if found:
        checkpoint = Checkpoint.open(found[-1])
        cfg = checkpoint.config(overrides)
        return finish(cfg, train(cfg, directory, resume=checkpoint))
    cfg = from_container(_read_yaml(directory / ".hydra" / "config.yaml"), overrides)
    return finish(cfg, train(cfg, directory))


def has_checkpoint(directory: Path) -> bool:
    """Tell whether a run can be resumed from a checkpoint."""
    return bool(complete(directory / "checkpoints"))


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


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        container = OmegaConf.to_container(OmegaConf.load(file), resolve=file.name == "config.yaml")
    except (OSError, OmegaConfBaseException, YAMLError) as error:
        raise CheckpointError(f"{file} cannot be read ({error}): the run directory is damaged") from error
    if not isinstance(container, dict):
        raise CheckpointError(f"{file} holds no config: the run directory is damaged")
    return {str(key): value for key, value in container.items()}


def finish(cfg: TrainConfig, result: TrainResult) -> float:
    """Show what came of training: examples and scores of ``validation.final_split``, and what to do next."""
    directory = shlex.quote(str(result.run_directory))
    if result.interrupted:
        _say(f"interrupted after update {result.num_updates}; to go on:")
        _say(f"  python -m seqtrain resume={directory}")
        raise SystemExit(130)
    trained = load(result.run_directory, device=cfg.training.device)
    scores = _decode_final_split(cfg, trained) if cfg.validation.final_split else []
    _say(f"best checkpoint: {trained.checkpoint.path} ({cfg.saving.metric} {result.objective:.4g})")
    _say(f"run directory: {result.run_directory}")
    _say(f"translate a file: python -m seqtrain generate checkpoint={directory} input=FILE output=FILE")
    for score in scores:
        _say(str(score))
    return result.objective


def _decode_final_split(cfg: TrainConfig, trained: TrainedModel) -> list[TextScore]:
    """Print some translations of the split and return its scores."""
    generator = BeamSearch(cfg.generation, trained.model, trained.task.info)
    split = cfg.validation.final_split
    decoded = decode_split(trained.task, generator, split, cfg.generation, trained.device)
    _say(f"{split}, some of {len(decoded.hypotheses)} sentences:")
    for source, hypothesis in islice(zip(decoded.sources, decoded.hypotheses, strict=True), NUM_EXAMPLES):
        _say(f"  {source} -> {hypothesis}")
    return decoded.scores(cfg.validation.scorers, cfg.validation.bleu_tokenizer)


def _say(line: str) -> None:
    print(line, flush=True)


def _write_hydra(node: DictConfig, directory: Path) -> None:
    """Write ``.hydra/`` as Hydra does for the jobs that it runs itself."""
    output = directory / str(node.hydra.output_subdir)
    output.mkdir(parents=True, exist_ok=True)
    with open_dict(node.hydra):
        node.hydra.runtime.output_dir = str(directory.absolute())
    OmegaConf.save(without_hydra(node), output / "config.yaml")
    OmegaConf.save(OmegaConf.masked_copy(node, ["hydra"]), output / "hydra.yaml")
    OmegaConf.save(node.hydra.overrides.task, output / "overrides.yaml")
