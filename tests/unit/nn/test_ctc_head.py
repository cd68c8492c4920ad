import torch

from seqtrain.nn.ctc_head import CTCHead


def test_each_position_is_taken_apart_where_it_stands() -> None:
    head = CTCHead(dim=2, vocab_size=3, upsampling=2)
    with torch.no_grad():
        head.split.weight.copy_(torch.tensor([[1.0, 0], [0, 0], [0, 0], [0, 1]]))
        head.split.bias.zero_()
        head.projection.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
    logits = head(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    assert logits.tolist() == [[[1, 0, 1], [0, 2, 2], [3, 0, 3], [0, 4, 4]]]
