"""``evaluate``: loss and perplexity of a split, and scores of its decoded text or bits a character, as JSON."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from seqtrain.commands._moved import data_overrides
from seqtrain.commands._scorers import check_scorers_of
from seqtrain.commands._word_scores import write_word_scores
from seqtrain.config import EvaluateConfig
from seqtrain.loading import load
from seqtrain.memory import kept_memory
from seqtrain.metrics.parts import averages
from seqtrain.metrics.sums import strict_json
from seqtrain.trained import TrainedModel
from seqtrain.training.evaluation import decode_split
from seqtrain.training.logs import logging_to


def run(cfg: EvaluateConfig) -> None:
    """Print the scores of a split as JSON on standard output; messages go to standard error."""
    with logging_to(Console(stderr=True)), kept_memory():
        print(strict_json(evaluate(cfg), indent=1))


def evaluate(cfg: EvaluateConfig) -> dict[str, Any]:
    """Return what the split holds, its loss and perplexity, and the scores of decoded text where there are references.

    Raises:
        ConfigError: the split is not there, or the task has no such option.
    """
    overrides = data_overrides(cfg)
    overrides += [f"task.context_window={cfg.context_window}"] if cfg.context_window is not None else []
    trained = load(cfg.checkpoint, device=cfg.device, overrides=overrides, plugins=cfg.plugins)
    write_word_scores(trained, cfg)
    parts = trained.task.parts(cfg.split)
    if trained.cfg.task.has_references:
        check_scorers_of(trained, cfg.scorer, parts)
    found = {part: _evaluated(trained, part, cfg) for part in parts}
    all_in_all = found[cfg.split] if parts == [cfg.split] else {**_average(cfg.split, found), "parts": found}
    paths = [str(checkpoint.path) for checkpoint in (trained.checkpoint, *trained.others)]
    return {"checkpoint": paths if len(paths) > 1 else paths[0], "split": cfg.split, **all_in_all}


def _evaluated(trained: TrainedModel, split: str, cfg: EvaluateConfig) -> dict[str, Any]:
    """Return what is found of one set."""
    losses = trained.losses(split, cfg.dataset)
    scores = _scores(trained, split, cfg) if trained.cfg.task.has_references else {}
    return {**trained.task.counts(split), **losses, **scores}


def _average(split: str, found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the means of what was found of the parts of a split."""
    numbers = {
        f"{part}/{name}": value
        for part, values in found.items()
        for name, value in values.items()
        if isinstance(value, float)
    }
    return {key.removeprefix(f"{split}/"): value for key, value in averages(numbers).items()}


def _scores(trained: TrainedModel, split: str, cfg: EvaluateConfig) -> dict[str, Any]:
    """Return the scores of the decoded text, with what makes them comparable."""
    decoded = decode_split(trained.task, trained.generator(cfg.generation), split, cfg.generation)
    scores = decoded.scores(cfg.scorer)
    return {
        **{name: score.value for name, score in scores.items()},
        "signatures": {name: score.signature for name, score in scores.items()},
        "generation": {"beam": cfg.generation.beam, "lenpen": cfg.generation.lenpen},
    }
