from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.encoder import Encoder
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.positions import Positions
from seqtrain.nn.spec import LayerSpec

TOKENS = torch.tensor([[4, 5, 2], [6, 2, 1]])
PADDING_MASK = TOKENS == 1


def encoder(layerdrop: float = 0.0, dropout: float = 0.3, **options: Any) -> Encoder:
    torch.manual_seed(1)
    inputs = InputEmbedding(token_embedding(8, 4, pad=1), None, dropout=dropout, scale=True, layernorm=False)
    spec = LayerSpec(4, 8, 2, dropout=dropout, attention_dropout=0.3, activation_dropout=dropout, **options)
    return Encoder(inputs, spec, num_layers=3, layerdrop=layerdrop)


def gradients(stack: Encoder) -> list[Tensor]:
    torch.manual_seed(2)
    stack(TOKENS, PADDING_MASK).square().sum().backward()
    return [parameter.grad for parameter in stack.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("positions", Positions)
@pytest.mark.parametrize("layerdrop", [0.0, 0.5])
def test_layers_computed_again_give_the_same_bits(layerdrop: float, positions: Positions) -> None:
    kept, again = (
        gradients(encoder(layerdrop, positions=positions, checkpoint_activations=checkpoint))
        for checkpoint in (False, True)
    )
    assert len(kept) == len(again) > 0
    assert all(torch.equal(a, b) for a, b in zip(kept, again, strict=True))


def test_only_what_enters_a_layer_is_kept() -> None:
    def kept(checkpoint: bool) -> int:
        numbers = 0

        def pack(x: Tensor) -> Tensor:
            nonlocal numbers
            numbers += x.numel()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            encoder(checkpoint_activations=checkpoint)(TOKENS, PADDING_MASK)
        return numbers

    assert kept(True) < kept(False) / 5


def test_layers_computed_again_when_compiled() -> None:
    stack = encoder(layerdrop=0.5, dropout=0.0, checkpoint_activations=True)  # compiled code drops other numbers
    expected = gradients(stack)
    stack.zero_grad()
    stack.compile(backend="aot_eager", fullgraph=True)
    for found, wanted in zip(gradients(stack), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of inductor's own
def test_layers_computed_again_when_compiled_as_in_training() -> None:
    stack = encoder(checkpoint_activations=True).eval()  # inductor drops other numbers
    expected = gradients(stack)
    stack.zero_grad()
    stack.compile(dynamic=True)  # a float in a layer would be a number that inductor cannot compute again
    for found, wanted in zip(gradients(stack), expected, strict=True):
        torch.testing.assert_close(found, wanted)
