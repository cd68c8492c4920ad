"""What ``evaluate`` writes of each token and word of a split: the log-probability that a language model gives it."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from seqtrain.base import Dictionary, PlanSpec
from seqtrain.commands._streams import open_output
from seqtrain.config import DatasetConfig, EvaluateConfig
from seqtrain.data.blocks import BlockDataset, Target
from seqtrain.errors import ConfigError
from seqtrain.generation.token_scores import token_log_probs
from seqtrain.generation.words import ScoredLine, Word, words_of
from seqtrain.metrics.sums import strict_json
from seqtrain.nn.device import device_of
from seqtrain.trained import TrainedModel

log = logging.getLogger(__name__)

NOT_PREDICTED = 1.0
"""Stands for the log-probability, which is never above 0, of a token that no block predicts."""


class Total(NamedTuple):
    """How often a word came, and the sum of its log-probabilities."""

    times: int
    log_prob: float

    def plus(self, log_prob: float) -> "Total":
        """Return the total with the word once more."""
        return Total(self.times + 1, self.log_prob + log_prob)


def write_word_scores(trained: TrainedModel, cfg: EvaluateConfig) -> None:
    """Write the files ``output_word_probs`` and ``output_word_stats``, those that are asked for.

    Raises:
        ConfigError: the model is no language model that predicts the next token.
        SeqtrainError: a file cannot be written.
    """
    if not (cfg.output_word_probs or cfg.output_word_stats):
        return
    dictionary: Dictionary = trained.task.info.target_dictionary
    totals: dict[str, Total] = {}
    with ExitStack() as stack:
        probs, stats = (
            stack.enter_context(open_output(name, {})) if name else None
            for name in (cfg.output_word_probs, cfg.output_word_stats)
        )
        for line in scored_lines(trained, cfg.split, cfg.dataset):
            words = words_of(line, dictionary)
            for word in words:
                totals[word.text] = totals.get(word.text, Total(0, 0.0)).plus(word.log_prob)
            if probs:
                probs.write(strict_json(_described(line, words, dictionary)) + "\n")
        if stats:
            stats.writelines(strict_json(described) + "\n" for described in _statistics(totals))


def scored_lines(trained: TrainedModel, split: str, cfg: DatasetConfig) -> Iterator[ScoredLine]:
    """Yield the lines of a split in order, but for empty ones that are a boundary in no block; say how many these are.

    Raises:
        ConfigError: the model is no language model that predicts the next token.
    """
    dataset = trained.task.dataset(split)
    if not (isinstance(dataset, BlockDataset) and dataset.spec.target is Target.future):
        raise ConfigError("output_word_probs and output_word_stats need a language model that predicts the next token")
    log_probs = _log_probs(trained, dataset, PlanSpec(cfg.max_tokens, cfg.max_sentences, shuffle=False))
    offsets = dataset.tokens.offsets
    predicted = log_probs[offsets[:-1]] != NOT_PREDICTED
    if left_out := int((~predicted).sum()):
        log.info("%s: left out %d of %d lines, boundaries that are in no block", split, left_out, len(predicted))
    if unknown := int(np.isnan(log_probs).sum()):
        log.warning("%s: the model gives NaN as the log-probability of %d tokens: null in files", split, unknown)
    for number in np.flatnonzero(predicted).tolist():
        ids, found = dataset.tokens[number], log_probs[offsets[number] : offsets[number + 1]]
        yield ScoredLine(ids.tolist(), found.tolist())


@torch.inference_mode()
def _log_probs(trained: TrainedModel, dataset: BlockDataset, plan: PlanSpec) -> npt.NDArray[np.float32]:
    """Return the log-probability of each token of a text, (n,); ``NOT_PREDICTED`` where none was predicted."""
    found = np.full(len(dataset.tokens.tokens), NOT_PREDICTED, dtype=np.float32)
    device = device_of(trained.model)
    for batch in trained.task.get_batch_iterator(dataset, epoch=1, plan=plan):
        moved = batch.to(device)
        log_probs = token_log_probs(trained.model, moved.net_input, moved.target).cpu().numpy()
        predicted = (batch.target != Dictionary.pad).numpy()
        positions, _ = dataset.positions(batch.ids.numpy())
        found[positions[predicted]] = log_probs[predicted]
    return found


def _described(line: ScoredLine, words: Iterable[Word], dictionary: Dictionary) -> dict[str, object]:
    return {
        "tokens": [dictionary.symbol(id) for id in line.ids],
        "token_log_probs": [round(log_prob, 6) for log_prob in line.log_probs],
        "words": [word.text for word in words],
        "word_log_probs": [round(word.log_prob, 6) for word in words],
    }


def _statistics(totals: dict[str, Total]) -> Iterator[dict[str, object]]:
    """Yield what there is to say of each word, the most frequent first."""
    for word, total in sorted(totals.items(), key=lambda item: (-item[1].times, item[0])):
        yield {"word": word, "count": total.times, "mean_log_prob": round(total.log_prob / total.times, 6)}
