"""Alignments of finished hypotheses: which source token each of their tokens is from, by the attention of the model.

The search keeps no attention: one pass over the finished hypotheses tells it, of the layer and the heads that the model
was taught to align by, if it was.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqtrain.base import Alignment, Dictionary, Generator, Hypothesis, Model, TaskInfo, with_attention
from seqtrain.errors import ConfigError
from seqtrain.generation.inputs import shifted_right, source_of
from seqtrain.nn.device import device_of
from seqtrain.nn.ensemble import members
from seqtrain.nn.mode import evaluation_mode
from seqtrain.registry import choice_of


class Aligned:
    """A search whose hypotheses come with their alignments, by the attention of the model.

    Args:
        generator: the search.
        model: the model that is searched, or an ensemble.
        task: gives the dictionaries.
    """

    def __init__(self, generator: Generator, model: Model, task: TaskInfo) -> None:
        self.generator = generator
        self.models = members(model)
        self.task = task

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence, best first.

        Raises:
            ConfigError: a model does not tell how it attends to its source.
        """
        found = self.generator.generate(net_input)
        aligned = align(self.models, net_input, found, self.task)
        return [
            [hypothesis._replace(alignment=alignment) for hypothesis, alignment in zip(*pair, strict=True)]
            for pair in zip(found, aligned, strict=True)
        ]


def align(
    models: Sequence[Model],
    net_input: dict[str, Tensor],
    hypotheses: Sequence[Sequence[Hypothesis]],
    task: TaskInfo,
) -> list[list[Alignment]]:
    """Return the alignment of each hypothesis of each sentence, by the mean attention of the models, on the CPU.

    Args:
        models: one, or an ensemble; they are in eval mode for it.
        net_input: what was decoded, of which ``source_tokens`` (B, S), ``source_lengths`` (B,) and the like are used.
        hypotheses: any number for each of the B sentences.
        task: gives the dictionaries and the token that decoding starts from.

    Raises:
        ConfigError: a model does not tell how it attends to its source.
    """
    found = [hypothesis.tokens for each in hypotheses for hypothesis in each]
    if not found:
        return [[] for _ in hypotheses]
    inputs = _teacher_forced(net_input, hypotheses, task)
    attention = torch.stack([_attention(model, inputs) for model in models]).mean(0)
    parts = zip(attention, inputs["source_tokens"], inputs["source_lengths"].tolist(), found, strict=True)
    aligned = (
        _aligned(shares[: len(target), :length], source[:length], target, task)
        for shares, source, length, target in parts
    )
    return [[next(aligned) for _ in each] for each in hypotheses]


def links_of(attention: Tensor, source: Tensor, target: Tensor, task: TaskInfo) -> list[tuple[int, int]]:
    """Return the source position with the most attention for each target position, by fairseq's rules.

    Positions count the tokens of text, unknown ones included. The ends of both sides are none, nor are tags, such as
    that of a language. Without text on one side there are no links.

    Args:
        attention: (T, S).
        source: ids without padding, (S,).
        target: ids without padding, (T,).
        task: gives the dictionaries.
    """
    source_text, target_text = task.source_dictionary.is_text(source), task.target_dictionary.is_text(target)
    if not source_text.any():
        return []
    best = attention[target_text][:, source_text].argmax(1)
    return [(source, target) for target, source in enumerate(best.tolist())]


def _teacher_forced(
    net_input: dict[str, Tensor], hypotheses: Sequence[Sequence[Hypothesis]], task: TaskInfo
) -> dict[str, Tensor]:
    """Return the ``net_input`` of a pass over all N hypotheses: each with its source, on the CPU."""
    counts = torch.tensor([len(each) for each in hypotheses])
    source = {name: x.cpu() for name, x in source_of(net_input).items()}
    tokens = [hypothesis.tokens for each in hypotheses for hypothesis in each]
    target = pad_sequence(tokens, batch_first=True, padding_value=Dictionary.pad)
    repeated = {name: x.repeat_interleave(counts, dim=0) for name, x in source.items()}
    return repeated | {"prev_output_tokens": shifted_right(target, task.decoding_start)}


def _aligned(attention: Tensor, source: Tensor, target: Tensor, task: TaskInfo) -> Alignment:
    return Alignment(attention, links_of(attention, source, target, task))


@torch.inference_mode()
def _attention(model: Model, inputs: dict[str, Tensor]) -> Tensor:
    """Return a model's attention (N, T, S), on the CPU."""
    device = device_of(model)
    with evaluation_mode(model):
        found = with_attention(model, {name: x.to(device) for name, x in inputs.items()})
    if found is None:
        raise ConfigError(
            f"{choice_of(model)} does not tell how it attends to its source, which alignments and the replacement of "
            "unknown words need: leave them out, or take a model that does, such as transformer_align"
        )
    return found[1].float().cpu()
