import pytest
import torch

from seqtrain.nn.alibi import alibi_bias, alibi_slopes


@pytest.mark.parametrize(
    ("heads", "exponents"),
    [
        (1, [8]),
        (2, [4, 8]),
        (8, [1, 2, 3, 4, 5, 6, 7, 8]),  # the paper: 1/2, 1/4, ..., 1/256
        (12, [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]),  # those of 8, then every other one of 16
        (16, [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8]),
    ],
)
def test_slopes_are_powers_of_two(heads: int, exponents: list[float]) -> None:
    torch.testing.assert_close(alibi_slopes(heads), torch.tensor([2**-exponent for exponent in exponents]))


def test_bias_by_hand() -> None:
    bias = alibi_bias(2, start=1, length=2, device=torch.device("cpu"))
    distances = torch.tensor([[1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    torch.testing.assert_close(bias, torch.stack([-distances / 16, -distances / 256]))
