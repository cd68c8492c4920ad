import pytest

from seqtrain.lr_schedulers._curves import between, half_cosine


def test_a_line() -> None:
    assert [between(1.0, 3.0, share) for share in (0.0, 0.25, 1.0)] == [1.0, 1.5, 3.0]
    assert between(3.0, 1.0, 0.25) == 2.5


def test_half_a_cosine() -> None:
    assert [half_cosine(progress) for progress in (0.0, 1 / 3, 0.5, 1.0)] == pytest.approx([1.0, 0.75, 0.5, 0.0])
