import torch

from seqtrain.base import EncoderOutput
from seqtrain.nn.dot_attention import DotAttention

SOURCE = EncoderOutput(
    torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]], [[2.0, 1.0], [1.0, 1.0], [0.0, 3.0]]]),
    torch.tensor([[False, False, True], [False, False, False]]),
)


def test_by_hand() -> None:
    attention = DotAttention(query_dim=1, source_dim=2)
    with torch.no_grad():
        attention.input_proj.weight.copy_(torch.tensor([[1.0], [2.0]]))
        attention.output_proj.weight.copy_(torch.tensor([[0.1, 0.2, 0.3]]))
        out, probabilities = attention(torch.tensor([[[0.5]], [[1.0]]]), SOURCE)
    # Scores 0.5, 1 (padding left out) and 4, 3, 6; e^-0.5 = 0.606531, e^-2 = 0.135335, e^-3 = 0.049787.
    expected = [[0.377541, 0.622459, 0.0], [0.114195, 0.042010, 0.843795]]
    torch.testing.assert_close(probabilities[:, 0], torch.tensor(expected), atol=1e-6, rtol=0)
    # tanh(0.1 * 0.377541 + 0.2 * 0.622459 + 0.3 * 0.5), tanh(0.1 * 0.270400 + 0.2 * 2.687590 + 0.3).
    torch.testing.assert_close(out, torch.tensor([[[0.302479]], [[0.698599]]]), atol=1e-6, rtol=0)


def test_queries_of_a_source_do_not_see_each_other() -> None:
    torch.manual_seed(1)
    attention, queries = DotAttention(query_dim=4, source_dim=2), torch.randn(2, 3, 4)
    together, _ = attention(queries, SOURCE)
    assert together.shape == (2, 3, 4)
    for number in range(3):
        alone, _ = attention(queries[:, [number]], SOURCE)
        torch.testing.assert_close(together[:, [number]], alone)
