"""What is asked for of a sentence besides its decoding: how outputs begin, and what they contain."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqtrain.base import Batch, Dictionary, TaskInfo
from seqtrain.config import Constraints, GenerationConfig
from seqtrain.errors import DataError
from seqtrain.generation.inputs import source_of
from seqtrain.generation.lengths import longest_outputs

LIMITS = "generation.max_len_a, generation.max_len_b, generation.match_source_len, and what the model can see"

log = logging.getLogger(__name__)

Given = Callable[[Batch], dict[str, Tensor]]
"""What a search is given with a batch, besides what the model sees: keys of ``net_input`` that are the search's."""


@dataclass(frozen=True)
class Request:
    """A line of text to decode."""

    text: str
    """The line."""
    prefix: str = ""
    """What its outputs begin with."""
    constraints: tuple[str, ...] = ()
    """What its outputs contain."""


def request_of(line: str, prefix: str, cfg: GenerationConfig) -> Request:
    """Return the request of a line: with constraints it is ``text TAB constraint TAB constraint ...``."""
    if cfg.constraints is Constraints.none:
        return Request(line, prefix)
    text, *constraints = line.split("\t")
    return Request(text, prefix, tuple(filter(str.strip, constraints)))


def numbered(batch: Batch) -> dict[str, Tensor]:
    """Give the numbers of the sentences in their dataset, from 1."""
    return {"line_numbers": batch.ids + 1}


class GivenReferences:
    """The first ``size`` tokens of each reference are given; a symbol of its language that it begins with counts."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return what is given with a batch."""
        prefixes = {"prefix_tokens": batch.target[:, : self.size]} if self.size else {}
        return numbered(batch) | prefixes


class GivenRequests:
    """What the requests for the sentences of a dataset give.

    Args:
        requests: one for each sentence, with the number of its line.
        task: gives the target dictionary and the longest target.
        cfg: limits the length of outputs.

    Raises:
        DataError: the dictionary lacks something that a constraint consists of.
    """

    def __init__(self, requests: Sequence[tuple[int, Request]], task: TaskInfo, cfg: GenerationConfig) -> None:
        self.cfg = cfg
        self.dictionary = task.target_dictionary
        self.pad = self.dictionary.pad
        self.max_positions = task.max_positions[1]
        self.numbers = torch.tensor([number for number, _ in requests])
        self.prefixes = task.target_dictionary.encode_lines([request.prefix for _, request in requests])
        self.constraints = [task.target_dictionary.encode_lines(request.constraints) for _, request in requests]
        _check_known(requests, self.constraints, task.target_dictionary)
        _warn_of_unknown(requests, self.prefixes, task.target_dictionary)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return what is given with a batch, no key for what no sentence of it has.

        Raises:
            DataError: a prefix is longer than outputs may be.
        """
        rows = batch.ids.tolist()
        given = {"line_numbers": self.numbers[batch.ids]}
        if any(self.prefixes[row] for row in rows):
            given["prefix_tokens"] = self._behind_own(batch, [self.prefixes[row] for row in rows])
            self._check_lengths(batch, **given)
        if any(self.constraints[row] for row in rows):
            given["constraint_tokens"] = _padded([self.constraints[row] for row in rows], self.pad)
        return given

    def _behind_own(self, batch: Batch, prefixes: Sequence[Sequence[int]]) -> Tensor:
        """Return the prefixes (B, P) behind what the task lets outputs begin with: a language, or a prompt."""
        own = batch.net_input.get("prefix_tokens", torch.empty(len(prefixes), 0, dtype=torch.int64))
        whole = [[id for id in begun if id != self.pad] for begun in own.tolist()]
        rows = [torch.tensor([*begun, *prefix]).long() for begun, prefix in zip(whole, prefixes, strict=True)]
        return pad_sequence(rows, batch_first=True, padding_value=self.pad)

    def _check_lengths(self, batch: Batch, prefix_tokens: Tensor, line_numbers: Tensor) -> None:
        lengths = prefix_tokens.ne(self.pad).sum(1)
        asked = longest_outputs(self.cfg, source_of(batch.net_input), lengths, self.dictionary)
        limits = [min(limit, self.max_positions - 1) for limit in asked]
        wrong = [
            f"line {number}: its prefix has {length} tokens, and outputs have at most {limit} ({LIMITS})"
            for number, length, limit in zip(line_numbers.tolist(), lengths.tolist(), limits, strict=True)
            if length > limit
        ]
        if wrong:
            raise DataError("\n".join(wrong))


def _padded(constraints: Sequence[Sequence[Sequence[int]]], pad: int) -> Tensor:
    """Return the constraints of B sentences, padded on the right, (B, K, L)."""
    most, longest = max(map(len, constraints)), max(len(ids) for each in constraints for ids in each)
    rows = [[[*ids, *[pad] * (longest - len(ids))] for ids in each] for each in constraints]
    return torch.tensor([each + [[pad] * longest] * (most - len(each)) for each in rows])


def _check_known(
    requests: Sequence[tuple[int, Request]], encoded: Sequence[Sequence[Sequence[int]]], dictionary: Dictionary
) -> None:
    wrong = [
        f"line {number}: no output can have the constraint {text!r}: the target dictionary does not know all of it"
        for (number, request), each in zip(requests, encoded, strict=True)
        for text, ids in zip(request.constraints, each, strict=True)
        if dictionary.unk in ids
    ]
    if wrong:
        raise DataError("\n".join(wrong))


def _warn_of_unknown(
    requests: Sequence[tuple[int, Request]], prefixes: Sequence[Sequence[int]], dictionary: Dictionary
) -> None:
    for (number, request), ids in zip(requests, prefixes, strict=True):
        if dictionary.unk in ids:
            log.warning(
                "line %d: the target dictionary does not know all of the prefix %r: unknown words stand in it",
                number,
                request.prefix,
            )
