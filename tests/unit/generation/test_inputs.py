import torch

from seqtrain.generation.inputs import source_of


def test_the_encoder_sees_what_begins_with_source() -> None:
    net_input = {name: torch.tensor([0]) for name in ("source_tokens", "source_lengths", "prefix_tokens", "resource_x")}
    assert list(source_of(net_input)) == ["source_tokens", "source_lengths"]
