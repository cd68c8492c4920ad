"""Models built the same way each time, and what they are fed: random tokens, the same in each call."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqtrain.base import Batch, Dictionary, logits_of
from seqtrain.config import ModelConfig
from seqtrain.models import REGISTRY, DecoderModel, EncoderModel, Model, TaskInfo

SOURCE_LENGTHS = (5, 3, 6)
TARGET_LENGTHS = (4, 6, 5)
SAME_LENGTHS = (6, 6, 6)


def build(cfg: ModelConfig, task: TaskInfo, seed: int = 1) -> Model:
    """Build a model; parameters that start at zero get other values, since zeros would hide faults."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Model = REGISTRY.build(cfg, task)
        for parameter in model.parameters():
            if parameter.requires_grad and not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
    return model


def random_input(
    model: Model,
    task: TaskInfo,
    source_lengths: Sequence[int] = SOURCE_LENGTHS,
    target_lengths: Sequence[int] = TARGET_LENGTHS,
) -> dict[str, Tensor]:
    """Return a ``net_input`` of sentences of these lengths, as the model takes it."""
    source_tokens = random_tokens(task.source_dictionary, source_lengths)
    if isinstance(model, EncoderModel):
        return {"source_tokens": source_tokens}
    source = {"source_tokens": source_tokens, "source_lengths": torch.tensor(source_lengths)}
    if isinstance(model, DecoderModel):
        return source
    return {**source, "prev_output_tokens": random_tokens(task.target_dictionary, target_lengths)}


def random_batch(model: Model, task: TaskInfo) -> Batch:
    """Return a batch of such sentences, with targets."""
    net_input = random_input(model, task)
    target = predicted(net_input).roll(1, dims=0).clone()  # any other tokens will do, with padding of their own
    target[target.ge(len(task.target_dictionary))] = Dictionary.unk
    ntokens = int(target.ne(Dictionary.pad).sum())
    return Batch(torch.arange(len(target)), net_input, target, ntokens, len(target))


def alone(net_input: dict[str, Tensor], row: int) -> dict[str, Tensor]:
    """Return the ``net_input`` of one sentence of a batch, without padding."""
    there = {name: x[row].ne(Dictionary.pad) for name, x in net_input.items() if x.dim() > 1}
    return {name: x[[row]][:, there[name]] if name in there else x[[row]] for name, x in net_input.items()}


def predicted(net_input: dict[str, Tensor]) -> Tensor:
    """Return the tokens (B, T) that the model continues."""
    return net_input.get("prev_output_tokens", net_input["source_tokens"])


def random_tokens(dictionary: Dictionary, lengths: Sequence[int], *, end: bool = True) -> Tensor:
    """Return tokens (B, T) of sentences of these lengths, padded; each ends with eos unless ``end`` is False."""
    low, shape = len(dictionary.specials), (len(lengths), max(lengths))
    tokens = seeded(lambda: torch.randint(low, len(dictionary), shape))
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = Dictionary.pad
        if end:
            row[length - 1] = Dictionary.eos
    return tokens


def seeded(make: Callable[[], Tensor]) -> Tensor:
    """Return what ``make`` makes with the same seed each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return make()


def run(model: Model, net_input: dict[str, Tensor]) -> Tensor:
    """Return the logits (B, T, V)."""
    return logits_of(model(**net_input))
