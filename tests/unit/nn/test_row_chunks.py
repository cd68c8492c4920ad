import pytest
import torch
from torch import Tensor

from seqtrain.nn.row_chunks import sums_of_chunks


def of_chunk(x: Tensor, y: Tensor) -> list[Tensor]:
    return [(x * y).sum(), y.sum()]


@pytest.mark.parametrize(("rows", "chunks"), [(1, 5), (2, 3), (5, 1), (9, 1)])
def test_sums_and_gradients_whatever_the_chunks(rows: int, chunks: int) -> None:
    x, y = torch.arange(5.0, requires_grad=True), torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    calls: list[int] = []

    def counted(x: Tensor, y: Tensor) -> list[Tensor]:
        calls.append(len(x))
        return of_chunk(x, y)

    product, total = sums_of_chunks(counted, x, y, rows=rows)
    assert (product.item(), total.item(), len(calls)) == (0 + 2 + 6 + 12 + 20, 15.0, chunks)
    assert max(calls) <= rows
    (gradient,) = torch.autograd.grad(product, x)
    assert gradient.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_compiled_it_is_one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    x = torch.ones(5)
    sizes: list[int] = []

    def noted(x: Tensor, y: Tensor) -> list[Tensor]:
        sizes.append(len(x))
        return of_chunk(x, y)

    sums_of_chunks(noted, x, x, rows=2)
    assert sizes == [5]
