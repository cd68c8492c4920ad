from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seqtrain.nn.feed_forward import Activation, FeedForward


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (Activation.relu, [0.0, 2.0]),
        (Activation.gelu, [-0.15866, 1.95450]),  # x * Phi(x), Phi(1) = 0.84134, Phi(2) = 0.97725
        (Activation.gelu_tanh, [-0.15881, 1.95460]),  # x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
        (Activation.swish, [-0.26894, 1.76159]),  # x / (1 + exp(-x))
        (Activation.swiglu, [0.26894, 3.52319]),  # swish(x) * x
        (Activation.geglu, [0.15866, 3.90900]),  # gelu(x) * x
    ],
)
def test_activations_by_hand(activation: Activation, expected: list[float]) -> None:
    network = FeedForward(1, 1, activation)
    torch.nn.init.ones_(network.fc1.weight)
    torch.nn.init.ones_(network.fc2.weight)
    torch.nn.init.zeros_(network.fc1.bias)
    torch.nn.init.zeros_(network.fc2.bias)
    out = network(torch.tensor([[-1.0], [2.0]]))
    torch.testing.assert_close(out[:, 0], torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("activation", "gate"), [(Activation.swiglu, F.silu), (Activation.geglu, F.gelu)])
def test_gated_networks_have_three_matrices(activation: Activation, gate: Callable[[Tensor], Tensor]) -> None:
    network, x = FeedForward(4, 6, activation, bias=False), torch.randn(3, 4)
    first, second = network.inner()
    expected = (gate(x @ first.T) * (x @ second.T)) @ network.fc2.weight.T
    torch.testing.assert_close(network(x), expected)
    assert sum(parameter.numel() for parameter in network.parameters()) == 3 * 4 * 6


def test_dropout_is_after_the_activation_in_training_only() -> None:
    network = FeedForward(4, 1000, Activation.relu, dropout=0.5)
    x = torch.randn(3, 4)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network.fc2(network.fc1(x).relu()))
