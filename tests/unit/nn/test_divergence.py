import math

import pytest
import torch
from torch.nn import functional

from seqtrain.nn.divergence import kl_divergence, symmetric_kl_divergence

P = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], dtype=torch.float64)
Q = torch.tensor([[0.25, 0.5, 0.25], [0.3, 0.3, 0.4]], dtype=torch.float64)


def test_by_hand() -> None:
    # 0.5 log 2 + 0.25 log(1/2), the same the other way round
    assert kl_divergence(P[:1].log(), Q[:1].log()).item() == pytest.approx(0.25 * math.log(2))
    assert symmetric_kl_divergence(P[:1].log(), Q[:1].log()).item() == pytest.approx(0.25 * math.log(2))


def test_it_is_torchs() -> None:
    of_p, of_q = (functional.kl_div(b.log(), a, reduction="sum") for a, b in ((P, Q), (Q, P)))
    assert of_p != of_q
    torch.testing.assert_close(kl_divergence(P.log(), Q.log()), of_p)
    torch.testing.assert_close(symmetric_kl_divergence(P.log(), Q.log()), (of_p + of_q) / 2)


def test_it_is_nothing_for_the_same_distribution() -> None:
    assert symmetric_kl_divergence(P.log(), P.log()).item() == 0.0
