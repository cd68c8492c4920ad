import pytest
import torch

from seqtrain.nn.feed_forward import Activation, FeedForward


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (Activation.relu, [0.0, 2.0]),
        (Activation.gelu, [-0.15866, 1.95450]),  # x * Phi(x), Phi(1) = 0.84134, Phi(2) = 0.97725
        (Activation.swish, [-0.26894, 1.76159]),  # x / (1 + exp(-x))
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


def test_dropout_is_after_the_activation_in_training_only() -> None:
    network = FeedForward(4, 1000, Activation.relu, dropout=0.5)
    x = torch.randn(3, 4)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network.fc2(network.fc1(x).relu()))
