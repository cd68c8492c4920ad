import torch

from seqtrain.nn.padding import padding_mask


def test_what_is_beyond_a_length_is_padding() -> None:
    mask = padding_mask(torch.tensor([[4, 5, 2], [6, 2, 1]]), torch.tensor([3, 2]))
    assert mask.tolist() == [[False, False, False], [False, False, True]]
