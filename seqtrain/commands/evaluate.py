"""``evaluate``: loss, perplexity, BLEU and chrF of a split, as JSON."""

from typing import Any

from rich.console import Console

from seqtrain.base import PlanSpec
from seqtrain.composition import quote
from seqtrain.config import EvaluateConfig, Scorer
from seqtrain.metrics.sums import strict_json
from seqtrain.trained import load
from seqtrain.training.evaluation import decode_split, evaluate_loss
from seqtrain.training.logs import logging_to
from seqtrain.training.loss_module import LossStep


def run(cfg: EvaluateConfig) -> None:
    """Print the scores of a split as JSON on standard output; messages go to standard error."""
    with logging_to(Console(stderr=True)):
        print(strict_json(evaluate(cfg), indent=1))


def evaluate(cfg: EvaluateConfig) -> dict[str, Any]:
    """Return the loss, the perplexity and the scores of the decoded text, with what makes them comparable."""
    moved = [f"task.data={quote(cfg.data)}"] if cfg.data else []
    here = [f"dataset.cache_dir={quote(cfg.dataset.cache_dir)}"]
    trained = load(cfg.checkpoint, device=cfg.device, overrides=[*moved, *here], plugins=cfg.plugins)
    step = LossStep(trained.model, trained.task.build_criterion(trained.cfg.criterion), trained.cfg.training)
    plan = PlanSpec(cfg.dataset.max_tokens, cfg.dataset.max_sentences, shuffle=False)
    metrics = evaluate_loss(trained.task, trained.model, step, cfg.split, plan)
    decoded = decode_split(trained.task, trained.model, cfg.split, cfg.generation)
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
