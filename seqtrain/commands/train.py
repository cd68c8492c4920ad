"""``train``: train, then show what came of it."""

import shlex
from itertools import islice
from pathlib import Path

from seqtrain.config import TrainConfig
from seqtrain.loading import load
from seqtrain.signals import ending_at_once
from seqtrain.trained import TrainedModel
from seqtrain.training.evaluation import decode_split
from seqtrain.training.session import TrainResult, train

NUM_EXAMPLES = 5


def run(cfg: TrainConfig, directory: Path) -> float:
    """Train in a run directory and return the objective."""
    with ending_at_once():
        return finish(cfg, train(cfg, directory))


def finish(cfg: TrainConfig, result: TrainResult) -> float:
    """Show what came of training: examples and scores of ``validation.final_split``, and what to do next.

    Raises:
        SystemExit: training ended before its time: 75 asks a scheduler to start it again, 130 was Ctrl-C.
    """
    directory = shlex.quote(str(result.run_directory))
    if result.exit_code:
        _say(f"interrupted after update {result.num_updates}; to go on:")
        _say(f"  python -m seqtrain resume={directory}")
        raise SystemExit(result.exit_code)
    trained = load(result.run_directory, device=cfg.training.device)
    _say(f"best checkpoint: {trained.checkpoint.path} ({cfg.saving.metric} {result.objective:.4g})")
    _say(f"run directory: {result.run_directory}")
    use = "translate a file" if cfg.task.has_references else "continue prompts"
    _say(f"{use}: {_decoding_command(trained, directory)}")
    if cfg.validation.final_split:
        for split in trained.task.parts(cfg.validation.final_split):
            for score in _final_scores(cfg, trained, split):
                _say(score)
    return result.objective


def _decoding_command(trained: TrainedModel, directory: str) -> str:
    """Return what decodes a file with a model whose run directory is already quoted for the shell."""
    words = [f"checkpoint={directory}", *map(shlex.quote, trained.task.decoding_words()), "input=FILE output=FILE"]
    return " ".join(filter(None, ["python -m seqtrain generate", trained.checkpoint.bundle().override(), *words]))


def _final_scores(cfg: TrainConfig, trained: TrainedModel, split: str) -> list[str]:
    """Return the scores of a final split: of its decoded text, of which some is printed, else its losses."""
    if not cfg.task.has_references:
        return [f"{split}/{name} {value:.4g}" for name, value in trained.losses(split, cfg.dataset).items()]
    decoded = decode_split(trained.task, trained.generator(cfg.generation), split, cfg.generation)
    _say(f"{split}, some of {len(decoded.hypotheses)} sentences:")
    for source, hypothesis in islice(zip(decoded.sources, decoded.hypotheses, strict=True), NUM_EXAMPLES):
        _say(f"  {source} -> {hypothesis}")
    return [str(score) for score in decoded.scores(cfg.scorer).values()]


def _say(line: str) -> None:
    print(line, flush=True)
