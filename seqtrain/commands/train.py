"""``train``: train, then show what came of it."""

import shlex
from itertools import islice
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from seqtrain.composition import to_config, without_hydra
from seqtrain.config import TrainConfig
from seqtrain.metrics.text import TextScore
from seqtrain.paths import writable
from seqtrain.trained import TrainedModel, load
from seqtrain.training.evaluation import decode_split
from seqtrain.training.run_directory import check_unused
from seqtrain.training.session import TrainResult, train

NUM_EXAMPLES = 5


def run(node: DictConfig, directory: Path | None = None) -> float:
    """Train with a composed config and return the objective.

    Args:
        node: the config; with its ``hydra`` node where ``directory`` is None.
        directory: the run directory, with ``.hydra/`` in it; if None it is made as the config says.
    """
    cfg = to_config(node)
    if directory is None:
        directory = Path(node.hydra.run.dir)
        check_unused(directory)
        with writable(directory):
            write_hydra(node, directory)
    return finish(cfg, train(cfg, directory))


def finish(cfg: TrainConfig, result: TrainResult) -> float:
    """Show what came of training: examples and scores of ``validation.final_split``, and what to do next."""
    directory = shlex.quote(str(result.run_directory))
    if result.interrupted:
        _say(f"interrupted after update {result.num_updates}; to go on:")
        _say(f"  python -m seqtrain resume={directory}")
        raise SystemExit(130)
    trained = load(result.run_directory, device=cfg.training.device)
    searchpath = user_directories(result.run_directory)
    plugins = f" hydra.searchpath=[{','.join(searchpath)}]" if searchpath else ""
    _say(f"best checkpoint: {trained.checkpoint.path} ({cfg.saving.metric} {result.objective:.4g})")
    _say(f"run directory: {result.run_directory}")
    _say(f"translate a file: python -m seqtrain generate{plugins} checkpoint={directory} input=FILE output=FILE")
    if cfg.validation.final_split:
        for score in _decode_final_split(cfg, trained):
            _say(str(score))
    return result.objective


def _decode_final_split(cfg: TrainConfig, trained: TrainedModel) -> list[TextScore]:
    """Print some translations of the split and return its scores."""
    split = cfg.validation.final_split
    decoded = decode_split(trained.task, trained.model, split, cfg.generation)
    _say(f"{split}, some of {len(decoded.hypotheses)} sentences:")
    for source, hypothesis in islice(zip(decoded.sources, decoded.hypotheses, strict=True), NUM_EXAMPLES):
        _say(f"  {source} -> {hypothesis}")
    return decoded.scores(cfg.validation.scorers, cfg.validation.bleu_tokenizer)


def _say(line: str) -> None:
    print(line, flush=True)


def user_directories(run_directory: Path) -> list[str]:
    """Return the user directories that a run was started with."""
    file = run_directory / ".hydra" / "hydra.yaml"
    hydra = OmegaConf.load(file) if file.is_file() else OmegaConf.create()
    return [str(path) for path in OmegaConf.select(hydra, "hydra.searchpath") or []]


def write_hydra(node: DictConfig, directory: Path) -> None:
    """Write ``.hydra/`` as Hydra does for the jobs that it runs itself, user directories by their full paths."""
    output = directory / ".hydra"
    output.mkdir(parents=True, exist_ok=True)
    with open_dict(node.hydra):
        node.hydra.runtime.output_dir = str(directory.absolute())
        node.hydra.searchpath = [
            path if "://" in path else str(Path(path).expanduser().absolute()) for path in node.hydra.searchpath or []
        ]
    OmegaConf.save(without_hydra(node), output / "config.yaml")
    OmegaConf.save(OmegaConf.masked_copy(node, ["hydra"]), output / "hydra.yaml")
    OmegaConf.save(node.hydra.overrides.task, output / "overrides.yaml")
