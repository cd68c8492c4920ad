"""How the weights of a model start, where they do not start as their modules are built: as fairseq's do."""

from collections.abc import Iterable
from enum import Enum

from torch import Tensor, nn

from seqtrain.nn.attention import Attention
from seqtrain.nn.feed_forward import FeedForward
from seqtrain.nn.positions import LearnedPositions

GPT2_STD = 0.02
"""Standard deviation of GPT-2's initial weights."""
RECURRENT_BOUND = 0.1
"""Largest initial weight of recurrent models."""


class Initialization(str, Enum):
    """How weights start: as in fairseq (Xavier in attention), or as in GPT-2 (all normal)."""

    fairseq = "fairseq"
    gpt2 = "gpt2"


def initialize_gpt2(model: nn.Module, stacks: Iterable[nn.Module]) -> None:
    """Draw all weights of a model from N(0, 0.02^2), with zero biases, as GPT-2 does (Radford et al., 2019).

    The layers of each stack whose outputs are added to their inputs start smaller, by the root of their number.
    Adaptive embeddings and softmaxes, which GPT-2 does not have, stay as they are built: each of their bands is the
    product of two matrices, and that of two so small would be next to nothing.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | LearnedPositions):
            nn.init.normal_(module.weight, std=GPT2_STD)
    _zero_biases(model)
    for module in model.modules():
        if isinstance(module, nn.Embedding):  # after a projection that may be tied to it
            nn.init.normal_(module.weight, std=GPT2_STD)
            module._fill_padding_idx_with_zero()
    for stack in stacks:
        residual = [*_residual_weights(stack)]
        for weight in residual:
            nn.init.normal_(weight, std=GPT2_STD * len(residual) ** -0.5)


def initialize_uniform(model: nn.Module) -> None:
    """Draw the embeddings, recurrent and linear layers of a model from U(-0.1, 0.1), as fairseq's recurrent ones are.

    Padding is zero. An adaptive softmax stays as it is built.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.RNNBase | nn.RNNCellBase):
            for parameter in module.parameters():
                nn.init.uniform_(parameter, -RECURRENT_BOUND, RECURRENT_BOUND)
    for module in model.modules():
        if isinstance(module, nn.Embedding):  # after a projection that may be tied to it
            nn.init.uniform_(module.weight, -RECURRENT_BOUND, RECURRENT_BOUND)
            module._fill_padding_idx_with_zero()


def initialize_deep_norm(stack: nn.Module, beta: float) -> None:
    """Draw the layers of a stack as DeepNorm does: Xavier normal, with gain ``beta`` but for queries and keys."""
    for module in stack.modules():
        if isinstance(module, Attention):
            *queries_keys, values = module.projections()
            _draw(queries_keys, 1.0)
            _draw([values], beta)
        elif isinstance(module, FeedForward):
            _draw(module.inner(), beta)
    _draw(_residual_weights(stack), beta)
    _zero_biases(stack)


def _residual_weights(stack: nn.Module) -> Iterable[Tensor]:
    """Yield the weights of the linear layers that end a sublayer."""
    for module in stack.modules():
        if isinstance(module, Attention):
            yield module.out_proj.weight
        elif isinstance(module, FeedForward):
            yield module.fc2.weight


def _draw(weights: Iterable[Tensor], gain: float) -> None:
    for weight in weights:
        nn.init.xavier_normal_(weight.detach(), gain)


def _zero_biases(module: nn.Module) -> None:
    for linear in module.modules():
        if isinstance(linear, nn.Linear) and linear.bias is not None:
            nn.init.zeros_(linear.bias)
