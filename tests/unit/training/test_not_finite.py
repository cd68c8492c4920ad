"""The first module that makes a number that is not finite is named, forward and backward."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seqtrain.training.not_finite import find_origin

NAN, INF = float("nan"), float("inf")


class Broken(nn.Module):
    """Gives ``value`` at one position, forward or backward."""

    def __init__(self, value: float, *, backward: bool) -> None:
        super().__init__()
        self.factor, self.backward = value, backward

    def forward(self, x: Tensor) -> Tensor:
        if not self.backward:
            return x * self.factor
        y = x * 1.0
        y.register_hook(lambda gradient: gradient * self.factor)  # type: ignore[no-untyped-call]
        return y + 0.0


class Network(nn.Module):
    def __init__(self, middle: nn.Module) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.block = nn.Sequential(nn.Tanh(), middle)
        self.last = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(x)
        output: Tensor = self.last(y + self.block(y))
        return output


def run(network: Network) -> Callable[[], None]:
    return partial(_run, network)


def _run(network: Network) -> None:
    network(torch.ones(2, 3)).sum().backward()


@pytest.mark.parametrize("value", [NAN, INF])
def test_the_module_whose_output_is_not_finite(value: float) -> None:
    network = Network(Broken(value, backward=False))
    assert find_origin({"": network}, run(network)) == "the output of block.1"


def test_the_module_whose_backward_pass_is_not_finite() -> None:
    network = Network(Broken(INF, backward=True))
    assert find_origin({"": network}, run(network)) == "the backward pass of block.1"


def test_a_parameter_that_is_not_finite_is_named_before_anything_is_run() -> None:
    network = Network(nn.Identity())
    with torch.no_grad():
        network.last.bias.fill_(NAN)
    assert find_origin({"": network}, lambda: pytest.fail("run")) == "the parameter last.bias, before the update"


def test_a_gradient_that_only_a_parameter_has() -> None:
    network = Network(nn.Identity())
    network.first.weight.register_hook(lambda gradient: gradient * NAN)  # type: ignore[no-untyped-call]
    assert find_origin({"": network}, run(network)) == "the gradient of first.weight"


def test_what_happens_between_modules() -> None:
    class Between(Network):
        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.last(self.first(x) / 0.0)
            return output

    network = Between(nn.Identity())
    assert find_origin({"": network}, run(network)) == "what goes into last"


def test_a_criterion_that_holds_the_model_does_not_name_its_modules_again() -> None:
    broken = Broken(INF, backward=True)
    network = Network(broken)
    criterion = nn.Sequential(network)
    assert find_origin({"": network, "criterion": criterion}, run(network)) == "the backward pass of block.1"
    criterion = nn.Sequential(network, Broken(NAN, backward=False))
    broken.factor = 1.0
    origin = find_origin({"": network, "criterion": criterion}, lambda: criterion(torch.ones(1, 3)).sum().backward())
    assert origin == "the output of criterion.1"


def test_a_mask_of_infinities_is_none_and_nothing_stays_behind() -> None:
    network = Network(nn.Identity())
    mask = torch.tensor([-INF, 0.0])

    def masked() -> None:
        scores = network(torch.ones(2, 3))[:, 0] + mask
        scores.softmax(0).sum().backward()

    assert find_origin({"": network}, masked) == ""
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_a_compiled_model_is_run_as_it_is_written() -> None:
    network = Network(Broken(NAN, backward=False))
    network.compile(backend="eager")
    assert find_origin({"": network}, run(network)) == "the output of block.1"


class Tied(nn.Module):
    """Hands a parameter to a module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.broken = Broken(NAN, backward=True)

    def forward(self) -> Tensor:
        output: Tensor = self.broken(self.weight)
        return output


def test_nothing_is_left_of_the_look() -> None:
    model = Tied()
    assert find_origin({"": model}, lambda: model().sum().backward()) == "the backward pass of broken"
    assert not model.weight._backward_hooks
    assert not model.broken._forward_hooks and not model.broken._forward_pre_hooks
