import math
from typing import Any

import torch
from torch import Tensor

from seqtrain.nn.layout import Layout, causal_layout, full_layout
from seqtrain.nn.positions import Positions
from seqtrain.nn.rotary import rotation
from seqtrain.nn.spec import LayerSpec

CPU = torch.device("cpu")
DOCUMENTS = torch.tensor([[0, 0, 1, 1], [0, 1, 2, 2]])


def spec(positions: Positions = Positions.none, heads: int = 1) -> LayerSpec:
    return LayerSpec(dim=4 * heads, ffn_dim=1, heads=heads, positions=positions)


def mask_of(layout: Layout) -> Tensor:
    assert layout.mask is not None
    return layout.mask


def visible(*rows: str) -> list[Any]:
    return [[cell == "x" for cell in row] for row in rows]


def test_torch_needs_no_mask_for_a_whole_target() -> None:
    assert causal_layout(spec(), 4, CPU) == Layout(causal=True)
    assert causal_layout(spec(), 1, CPU, start=3) == Layout()


def test_tokens_that_go_on_see_all_before_them() -> None:
    layout = causal_layout(spec(), 2, CPU, start=2)
    assert not layout.causal
    assert mask_of(layout).tolist() == visible("xxx.", "xxxx")


def test_documents_see_only_themselves() -> None:
    layout = causal_layout(spec(), 4, CPU, documents=DOCUMENTS)
    assert mask_of(layout).shape == (2, 1, 4, 4)
    assert mask_of(layout)[0, 0].tolist() == visible("x...", "xx..", "..x.", "..xx")
    assert mask_of(layout)[1, 0].tolist() == visible("x...", ".x..", "..x.", "..xx")


def test_alibi_has_one_mask_for_all_sentences() -> None:
    mask = mask_of(causal_layout(spec(Positions.alibi, heads=2), 3, CPU))
    inf = math.inf
    expected = torch.tensor([[0, -inf, -inf], [-1, 0, -inf], [-2, -1, 0]])
    torch.testing.assert_close(mask, torch.stack([expected / 16, expected / 256]))


def test_alibi_within_documents() -> None:
    mask = mask_of(causal_layout(spec(Positions.alibi, heads=2), 4, CPU, documents=DOCUMENTS))
    assert mask.shape == (2, 2, 4, 4)
    assert mask[1, 0, 3].tolist() == [-math.inf, -math.inf, -1 / 16, 0]


def test_alibi_of_an_encoder_counts_to_both_sides() -> None:
    padding = torch.tensor([[False, False, False], [False, False, True]])
    mask = mask_of(full_layout(spec(Positions.alibi), padding))
    assert mask[0, 0].mul(256).tolist() == [[0, -1, -2], [-1, 0, -1], [-2, -1, 0]]
    assert mask[1, 0].mul(256).tolist() == [[0, -1, -math.inf], [-1, 0, -math.inf], [-2, -1, -math.inf]]


def test_padding_is_hidden_from_all() -> None:
    layout = full_layout(spec(), torch.tensor([[False, True]]))
    assert mask_of(layout).tolist() == [[[[True, False]]]]


def test_rotation_begins_at_the_start() -> None:
    found = causal_layout(spec(Positions.rotary), 2, CPU, start=3).rotation
    expected = rotation(3, 2, head_dim=4, base=10000.0, device=CPU)
    assert found is not None
    torch.testing.assert_close(found.cos, expected.cos)
    assert full_layout(spec(), torch.zeros(1, 2, dtype=torch.bool)).rotation is None
