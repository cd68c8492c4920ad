import math

import pytest
import torch

from seqtrain.nn.rotary import rotate, rotation

CPU = torch.device("cpu")


def test_angles_by_hand() -> None:
    # Base 100 and K = 4: frequencies 1 and 1/10; positions 1 and 2.
    turned = rotation(1, 2, head_dim=4, base=100.0, device=CPU)
    torch.testing.assert_close(turned.cos, torch.tensor([[1.0, 0.1], [2.0, 0.2]]).cos())
    torch.testing.assert_close(turned.sin, torch.tensor([[1.0, 0.1], [2.0, 0.2]]).sin())


def test_a_quarter_turn_by_hand() -> None:
    quarter = rotation(1, 1, head_dim=2, base=7.0, device=CPU)  # one pair, of frequency 1
    turned = rotate(torch.tensor([3.0, 4.0]).view(1, 1, 1, 2), quarter)
    # 3 cos 1 - 4 sin 1 and 3 sin 1 + 4 cos 1.
    torch.testing.assert_close(turned.flatten(), torch.tensor([-1.74498, 4.68562]), atol=1e-5, rtol=0)


def test_pairs_are_complex_numbers_that_are_multiplied() -> None:
    x = torch.randn(2, 3, 5, 8)
    frequencies = torch.tensor([10000.0 ** (-2 * i / 8) for i in range(4)])
    turns = torch.polar(torch.ones(5, 4), torch.arange(7, 12)[:, None] * frequencies)
    expected = torch.complex(x[..., :4], x[..., 4:]) * turns
    turned = rotate(x, rotation(7, 5, head_dim=8, base=10000.0, device=CPU))
    torch.testing.assert_close(turned, torch.cat([expected.real, expected.imag], -1))


def test_products_depend_on_distance_alone() -> None:
    query, key = torch.randn(2, 1, 1, 1, 16)

    def product(query_at: int, key_at: int) -> float:
        turned = [
            rotate(x, rotation(at, 1, 16, 10000.0, CPU)).flatten() for x, at in ((query, query_at), (key, key_at))
        ]
        return float(torch.dot(*turned))

    assert product(3, 1) == pytest.approx(product(90, 88), abs=1e-4)
    assert product(3, 1) != pytest.approx(product(3, 2), abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_format_stays_and_the_angles_are_precise(dtype: torch.dtype) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        turned = rotation(1001, 1, head_dim=2, base=10000.0, device=CPU)
    assert turned.cos.item() == pytest.approx(math.cos(1001), abs=1e-6)
    x = torch.randn(1, 2, 1, 2).to(dtype)
    assert rotate(x, turned).dtype == dtype
