import torch

from seqtrain.generation.inputs import shifted_right, source_of


def test_the_encoder_sees_what_begins_with_source() -> None:
    net_input = {name: torch.tensor([0]) for name in ("source_tokens", "source_lengths", "prefix_tokens", "resource_x")}
    assert list(source_of(net_input)) == ["source_tokens", "source_lengths"]


def test_what_a_decoder_sees_of_a_target_keeps_its_padding() -> None:
    target = torch.tensor([[4, 5, 2], [6, 2, 1]])
    assert shifted_right(target, 0).tolist() == [[0, 4, 5], [0, 6, 1]]
    assert target.tolist() == [[4, 5, 2], [6, 2, 1]]
