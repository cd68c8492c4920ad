import pytest
import torch

from seqtrain.errors import DataError
from seqtrain.nn.positions import (
    LearnedPositions,
    Positions,
    SinusoidalPositions,
    build_positions,
    places_in_documents,
    sinusoidal_table,
)


def test_sinusoidal_of_dimension_4_by_hand() -> None:
    # Frequencies 1 and 1/10000; positions count from 2: sin 2, sin 0.0002, cos 2, cos 0.0002; then with 3.
    expected = torch.tensor([[0.90930, 0.0002, -0.41615, 1.0], [0.14112, 0.0003, -0.98999, 1.0]])
    torch.testing.assert_close(sinusoidal_table(2, 4), expected, atol=1e-5, rtol=0)


def test_sinusoidal_of_dimension_6_by_hand() -> None:
    # Frequencies 1, 1/100 and 1/10000.
    expected = torch.tensor([[0.90930, 0.0199987, 0.0002, -0.41615, 0.9998, 1.0]])
    torch.testing.assert_close(sinusoidal_table(1, 6), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("dim", "expected"), [(1, [0.0]), (2, [0.90930, -0.41615]), (3, [0.90930, -0.41615, 0.0])])
def test_sinusoidal_of_smallest_dimensions(dim: int, expected: list[float]) -> None:
    torch.testing.assert_close(sinusoidal_table(1, dim), torch.tensor([expected]), atol=1e-5, rtol=0)


def test_sinusoidal_is_extended_without_change() -> None:
    positions = SinusoidalPositions(8, max_positions=4)
    first = positions(0, 4)
    assert positions(3, 4).shape == (4, 8)
    torch.testing.assert_close(positions(0, 7), sinusoidal_table(7, 8))
    assert torch.equal(positions(0, 4), first)


def test_sinusoidal_has_nothing_to_save() -> None:
    assert not SinusoidalPositions(8, max_positions=4).state_dict()


def test_learned_positions_are_the_rows_of_the_weight() -> None:
    positions = LearnedPositions(64, max_positions=100)
    assert torch.equal(positions(2, 3), positions.weight[2:5])
    assert 0.12 < positions.weight.std() < 0.13  # 1 / sqrt(64) = 0.125


def test_too_long_for_learned_positions() -> None:
    positions = LearnedPositions(4, max_positions=8)
    with pytest.raises(
        DataError,
        match=r"a sequence of 9 tokens.* the 8 learned positions.*task\.max_source_positions.*task\.tokens_per_sample",
    ):
        positions(6, 3)


def test_places_begin_anew_in_each_document() -> None:
    documents = torch.tensor([[0, 0, 0, 1, 1], [0, 1, 2, 2, 2], [0, 0, 3, 3, 5]])
    assert places_in_documents(documents).tolist() == [[0, 1, 2, 0, 1], [0, 0, 0, 1, 2], [0, 1, 0, 1, 0]]


@pytest.mark.parametrize("kind", [Positions.rotary, Positions.alibi, Positions.none])
def test_positions_that_are_no_embeddings(kind: Positions) -> None:
    assert build_positions(kind, 4, 8) is None


def test_build_positions() -> None:
    assert isinstance(build_positions(Positions.sinusoidal, 4, 8), SinusoidalPositions)
    assert isinstance(build_positions(Positions.learned, 4, 8), LearnedPositions)


def test_a_table_that_grows_serves_threads_at_once() -> None:
    class Raced(SinusoidalPositions):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "table":  # another thread puts a shorter one there just after this one
                super().__setattr__(name, sinusoidal_table(5, 8))

    torch.testing.assert_close(Raced(8, 4)(0, 9), sinusoidal_table(9, 8))
