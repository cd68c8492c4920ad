"""Forced decoding: the scores of given targets, token by token, by the rules of the search."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqtrain.base import Batch, Generator, Hypothesis, Model, PlanSpec, Task, TaskInfo
from seqtrain.data.chunks import chunked
from seqtrain.errors import DataError
from seqtrain.generation.inputs import shifted_right, source_of
from seqtrain.generation.token_scores import token_log_probs
from seqtrain.generation.translate import WINDOW, decode_dataset
from seqtrain.nn.device import device_of
from seqtrain.nn.mode import evaluation_mode


class ForcedDecoder:
    """Stands where a search does and finds one hypothesis, the target: what it begins with, its tokens, and its end.

    Args:
        model: one, or an ensemble.
        task: gives the target dictionary, the longest target, and the token that decoding starts from.
        lenpen: a score is the log-probability of the target divided by length ** lenpen.
    """

    def __init__(self, model: Model, task: TaskInfo, lenpen: float = 1.0) -> None:
        self.model = model
        self.task = task
        self.lenpen = lenpen

    @torch.inference_mode()
    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the target of each sentence as its one hypothesis, on the CPU; the model is in eval mode for it.

        Args:
            net_input: what a search takes, and ``target_tokens`` (B, T), each with its end, padded on the right;
                ``prefix_tokens`` stand before them; ``line_numbers`` (B,) are for messages.

        Raises:
            DataError: a target is longer than the model can see.
        """
        targets = self._targets(net_input)
        target = pad_sequence(targets, batch_first=True, padding_value=self.task.target_dictionary.pad)
        device = device_of(self.model)
        source = {name: x.to(device) for name, x in source_of(net_input).items()}
        with evaluation_mode(self.model):
            forced = self._forced(source, target.to(device), [len(tokens) for tokens in targets])
            log_probs = token_log_probs(self.model, forced, target.to(device)).cpu()
        pairs = zip(targets, log_probs, strict=True)
        return [[self._hypothesis(tokens, scores[: len(tokens)])] for tokens, scores in pairs]

    def _targets(self, net_input: dict[str, Tensor]) -> list[Tensor]:
        """Return the tokens of each hypothesis, (T',)."""
        given = net_input.get("prefix_tokens", net_input["target_tokens"][:, :0])
        whole = torch.cat([given, net_input["target_tokens"]], dim=1).cpu()
        targets = [tokens[tokens != self.task.target_dictionary.pad] for tokens in whole]
        limit = self.task.max_positions[1]
        for number, tokens in zip(net_input["line_numbers"].tolist(), targets, strict=True):
            if len(tokens) > limit:
                raise too_long(number, f"the target has {len(tokens)} tokens", limit)
        return targets

    def _forced(self, source: dict[str, Tensor], target: Tensor, lengths: list[int]) -> dict[str, Tensor]:
        """Return the ``net_input`` that predicts ``target`` (B, T): it is shifted to the right by one."""
        prev = shifted_right(target, self.task.decoding_start)
        if source:
            return source | {"prev_output_tokens": prev}
        return {"source_tokens": prev, "source_lengths": torch.tensor(lengths, device=prev.device)}

    def _hypothesis(self, tokens: Tensor, log_probs: Tensor) -> Hypothesis:
        return Hypothesis(tokens, float(log_probs.sum()) / len(tokens) ** self.lenpen, log_probs)


def score_lines(
    task: Task[Any], pairs: Iterable[tuple[str, str]], scorer: Generator, plan: PlanSpec, window: int = WINDOW
) -> Iterator[Hypothesis]:
    """Yield the target of each pair, scored, in the order of the pairs; nothing of it is left out.

    Args:
        task: reads lines as sentences, by ``inference_dataset``.
        pairs: any number of lines that are given, each with what is scored after it.
        scorer: a :class:`ForcedDecoder`.
        plan: how the sentences of a window become batches.
        window: pairs to read ahead and batch by length.

    Raises:
        DataError: a line is longer than the model can see.
    """
    for number, read in enumerate(chunked(pairs, window)):
        yield from _scored(task, read, scorer, plan, number * window + 1)


def _scored(
    task: Task[Any], pairs: Sequence[tuple[str, str]], scorer: Generator, plan: PlanSpec, first: int
) -> list[Hypothesis]:
    """Return the targets of pairs, the first of which stands in the line ``first``."""
    dictionary, limits = task.info.target_dictionary, task.info.max_positions
    dataset = task.inference_dataset([given for given, _ in pairs])
    for index in dataset.truncated.tolist():
        raise too_long(first + index, "its tokens are too many", limits[0])
    encoded = dictionary.encode_lines([target for _, target in pairs])
    targets = [torch.tensor([*ids, dictionary.eos]) for ids in encoded]

    def given(batch: Batch) -> dict[str, Tensor]:
        rows = [targets[number] for number in batch.ids.tolist()]
        padded = pad_sequence(rows, batch_first=True, padding_value=dictionary.pad)
        return {"target_tokens": padded, "line_numbers": batch.ids + first}

    return [hypothesis for (hypothesis,) in decode_dataset(task, dataset, scorer, plan, given)]


def too_long(number: int, what: str, limit: int) -> DataError:
    """Return the error for a line that cannot be scored as a whole."""
    return DataError(f"line {number}: {what} for the model's limit of {limit}: leave the line out, or split it")
