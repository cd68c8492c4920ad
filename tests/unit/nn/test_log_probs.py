import math

import pytest
import torch

from seqtrain.nn.log_probs import log_softmax


@pytest.mark.parametrize(
    ("given", "computed"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_in_fp32_at_least(given: torch.dtype, computed: torch.dtype) -> None:
    log_probs = log_softmax(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], dtype=given))
    assert log_probs.dtype is computed
    torch.testing.assert_close(log_probs, torch.full((2, 3), -math.log(3), dtype=computed), rtol=0, atol=1e-7)
