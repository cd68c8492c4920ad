import math

import pytest
import torch

from seqtrain.nn.ensemble import mean_of_probabilities


def test_the_mean_is_of_probabilities() -> None:
    # (0.5 + 0.1) / 2 = 0.3, (0.2 + 0.8) / 2 = 0.5, (0 + 0) / 2 = 0
    log_probs = [torch.tensor(row).log() for row in ([0.5, 0.2, 0.0], [0.1, 0.8, 0.0])]
    found = mean_of_probabilities(log_probs)
    torch.testing.assert_close(found, torch.tensor([math.log(0.3), math.log(0.5), -math.inf]))


def test_far_below_what_a_number_can_hold_as_a_probability() -> None:
    found = mean_of_probabilities([torch.tensor([-1000.0]), torch.tensor([-1001.0]), torch.tensor([-5000.0])])
    # -1000 + ln((1 + e^-1) / 3) = -1000 + 0.313262 - 1.098612
    assert found.item() == pytest.approx(-1000.785350, abs=1e-4)
