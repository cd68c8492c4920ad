"""Connectionist temporal classification: the target, with blanks between, along the positions of the source."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seqtrain.base import Batch, TaskInfo
from seqtrain.errors import ConfigError
from seqtrain.metrics.edit_distance import edit_distance
from seqtrain.nn.log_probs import log_softmax


class CTCLoss:
    """The loss of a target given logits for each position of the source, or for a few of each (Graves et al., 2006).

    The beginning of sentence, which no target has, is the blank. The end of sentence is no part of the target here.
    """

    def __init__(self, task: TaskInfo, *, zero_infinity: bool) -> None:
        dictionary = task.target_dictionary
        self.blank, self.pad, self.eos = dictionary.bos, dictionary.pad, dictionary.eos
        self.zero_infinity = zero_infinity

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the sum over sentences, (), in nats, for logits (B, S, V) or (B, n S, V).

        Raises:
            ConfigError: the model does not predict for each position of the source, or its device has no algorithm.
        """
        log_probs = log_softmax(logits)
        _check_algorithm(log_probs)
        there = batch.target.ne(self.pad) & batch.target.ne(self.eos)
        return functional.ctc_loss(
            log_probs.transpose(0, 1),  # (S, B, V)
            batch.target,
            source_lengths(logits, batch),
            there.sum(dim=1),
            blank=self.blank,
            reduction="sum",
            zero_infinity=self.zero_infinity,
        )

    def errors(self, logits: Tensor, batch: Batch) -> tuple[int, int]:
        """Return the edit distance of the likeliest path to the target, and the target's tokens, over all sentences."""
        best, lengths = logits.argmax(dim=2).tolist(), source_lengths(logits, batch).tolist()
        found = [self._collapsed(row[:length]) for row, length in zip(best, lengths, strict=True)]
        wanted = [[id for id in row if id not in (self.pad, self.eos)] for row in batch.target.tolist()]
        distances = (edit_distance(*pair) for pair in zip(found, wanted, strict=True))
        return sum(distances), sum(map(len, wanted))

    def _collapsed(self, path: Sequence[int]) -> list[int]:
        """Return what a path stands for: of equal ids in a row the first, and no blanks."""
        changes = (id for before, id in zip([self.blank, *path], path, strict=False) if id != before)
        return [id for id in changes if id != self.blank]


def _check_algorithm(log_probs: Tensor) -> None:
    """Refuse what torch cannot do: it would only say so in the backward pass, and in terms of its own."""
    if log_probs.is_cuda and log_probs.requires_grad and torch.are_deterministic_algorithms_enabled():
        raise ConfigError(
            "torch has no deterministic algorithm for the gradient of CTC on cuda: set training.deterministic=false, "
            "or training.device=cpu"
        )


def source_lengths(logits: Tensor, batch: Batch) -> Tensor:
    """Return how many positions of logits (B, n S, V) each sentence has, (B,).

    Raises:
        ConfigError: the model does not predict for each position of the source.
    """
    lengths, positions = batch.net_input["source_lengths"], batch.net_input["source_tokens"].shape[1]
    if logits.shape[1] % positions:
        raise ConfigError(
            "CTC is for models that predict for each position of the source, or so many times for each: the source has "
            f"{positions} positions, and this model's output {logits.shape[1]}"
        )
    return lengths * (logits.shape[1] // positions)
