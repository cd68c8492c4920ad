from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from seqtrain.training.hooks.tracing import fingerprint, leaves


class Pair(NamedTuple):
    one: Tensor
    other: float


@dataclass
class Features:
    features: Tensor
    cross: list[Tensor]


X = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (X, [""]),
        (None, []),
        (nn.Linear(2, 2), []),
        ([X, None, (X, 2)], ["[0]", "[2][0]", "[2][1]"]),
        ({"b": X, "a": {"c": True}}, [".a.c", ".b"]),
        (Pair(X, 0.5), [".one", ".other"]),
        (Features(X, [X, X]), [".cross[0]", ".cross[1]", ".features"]),
    ],
)
def test_what_is_found_in_a_value(value: Any, paths: list[str]) -> None:
    assert [path for path, _ in leaves(value)] == paths


@pytest.mark.parametrize(
    "other", [X + 0, X.clone().t().contiguous().t(), nn.Parameter(X), X.to_sparse()], ids=["sum", "t", "p", "sparse"]
)
def test_the_same_numbers_have_one_fingerprint(other: Tensor) -> None:
    assert fingerprint(other) == fingerprint(X)


@pytest.mark.parametrize(
    "other",
    [
        X.reshape(3, 2),
        X.double(),
        X.int(),
        X.flip(0),
        -X,
        torch.nextafter(X, X + 1),
        torch.zeros(0),
        torch.tensor(1.0),
        X.bfloat16(),
        X > 2,
    ],
)
def test_others_have_another(other: Tensor) -> None:
    assert fingerprint(other) != fingerprint(X)


def test_a_fingerprint_says_what_it_is_of() -> None:
    assert fingerprint(X).startswith("float32[2, 3] ")
    assert fingerprint(torch.tensor(True)).startswith("bool[] ")
    assert (fingerprint(2), fingerprint(float("nan")), fingerprint("text")) == ("2", "nan", "'text'")
