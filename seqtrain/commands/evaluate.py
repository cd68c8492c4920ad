"""``evaluate``: loss, perplexity, BLEU and chrF of a split, as JSON."""

import json
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from seqtrain.commands.trained import load
from seqtrain.composition import to_config
from seqtrain.config import EvaluateConfig, Scorer
from seqtrain.generation.beam import BeamSearch
from seqtrain.training.evaluation import decode_split, evaluate_loss
from seqtrain.training.logs import logging_to
from seqtrain.training.loss_module import LossStep


def run(node: DictConfig) -> None:
    """Print the scores of a split as JSON on standard output; messages go to standard error."""
    with logging_to(Console(stderr=True)):
        print(json.dumps(evaluate(to_config(node)), indent=1, ensure_ascii=False))


def evaluate(cfg: EvaluateConfig) -> dict[str, Any]:
    """Return the loss, the perplexity and the scores of the decoded text, with what makes them comparable."""
    trained = load(cfg.checkpoint, device=cfg.device, data=cfg.data)
    criterion = trained.task.build_criterion(trained.cfg.criterion).to(trained.device)
    step = LossStep(trained.model, criterion, trained.cfg.training)
    metrics = evaluate_loss(trained.task, trained.model, step, cfg.split, max_tokens=cfg.max_tokens)
    generator = BeamSearch(cfg.generation, trained.model, trained.task.info)
    decoded = decode_split(trained.task, generator, cfg.split, cfg.generation, trained.device)
    scores = decoded.scores(list(Scorer), cfg.bleu_tokenizer)
    return {
        "checkpoint": str(trained.checkpoint.path),
        "split": cfg.split,
        "sentences": len(decoded.hypotheses),
        **metrics,
        **{score.name: score.value for score in scores},
        "signatures": {score.name: score.signature for score in scores},
        "generation": {"beam": cfg.generation.beam, "lenpen": cfg.generation.lenpen},
    }
