import torch
from torch import nn

from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.encoder import Encoder
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.layout import full_layout
from seqtrain.nn.spec import LayerSpec

TOKENS = torch.tensor([[4, 5, 2]])
NO_PADDING = torch.zeros(1, 3, dtype=torch.bool)


def encoder(layerdrop: float = 0.0, normalize_before: bool = False) -> Encoder:
    inputs = InputEmbedding(token_embedding(8, 4, pad=1), None, dropout=0.0, scale=True, layernorm=False)
    return Encoder(inputs, LayerSpec(4, 8, 2, normalize_before), num_layers=3, layerdrop=layerdrop)


def test_layers_one_after_the_other_then_the_final_norm() -> None:
    stack = encoder(normalize_before=True)
    x = stack.embedding(TOKENS)
    for layer in stack.layers:
        x = layer(x, full_layout(stack.spec, NO_PADDING))
    assert torch.equal(stack(TOKENS, NO_PADDING), nn.functional.layer_norm(x, (4,)))


def test_what_stands_in_padding_does_not_matter() -> None:
    stack, mask = encoder(), torch.tensor([[False, False, True]])
    torch.testing.assert_close(stack(TOKENS, mask)[:, :2], stack(TOKENS[:, :2], NO_PADDING[:, :2]))


def test_layer_drop_in_training_only() -> None:
    stack = encoder(layerdrop=0.999999)
    torch.manual_seed(1)
    assert torch.equal(stack(TOKENS, NO_PADDING), stack.embedding(TOKENS))
    stack.eval()
    plain = encoder()
    plain.load_state_dict(stack.state_dict())
    assert torch.equal(stack(TOKENS, NO_PADDING), plain(TOKENS, NO_PADDING))
