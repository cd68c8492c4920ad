from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import clean_name
from seqtrain.config import OptimizerConfig, ParameterGroupConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.optimizers import ParameterGroup, TorchOptimizer
from seqtrain.optimizers.adam import Adam, AdamConfig
from seqtrain.optimizers.sgd import SGD, SGDConfig


@dataclass
class NumbersConfig(OptimizerConfig):
    """Settings of :class:`Numbers`."""

    lr: float = 0.5
    """Learning rate."""


class NumbersTorch(torch.optim.Optimizer):
    """Keeps numbers, and a state of another shape than the parameter's."""

    def __init__(self, groups: list[ParameterGroup]) -> None:
        super().__init__(groups, {})

    def step(self, closure: object = None) -> None:  # type: ignore[override]  # no closure here
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["count"] = state.get("count", 0) + 1
                state["decay"] = state.get("decay", 1.0) * 0.1
                state["rows"] = torch.ones(len(parameter))
                state["nothing"] = None


class Numbers(TorchOptimizer):
    cfg: NumbersConfig

    def build(self, groups: list[ParameterGroup]) -> torch.optim.Optimizer:
        return NumbersTorch(groups)


def model() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))


def update(module: nn.Module, optimizer: TorchOptimizer) -> None:
    optimizer.zero_grad()
    module(torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.1, 4.0]])).pow(3).sum().backward()
    optimizer.step()


def group_of(optimizer: TorchOptimizer) -> dict[str, int]:
    """Index of each parameter's group, by name."""
    index = {id(p): i for i, group in enumerate(optimizer.optimizer.param_groups) for p in group["params"]}
    return {name: index[id(parameter)] for name, parameter in optimizer._parameters.items()}


@pytest.mark.parametrize(
    "name",
    ["layer.weight", "module.layer.weight", "_orig_mod.module.layer.weight", "module._orig_mod.layer._orig_mod.weight"],
)
def test_names_are_cleaned_of_wrappers(name: str) -> None:
    assert clean_name(name) == "layer.weight"


def test_a_module_within_the_model_keeps_its_name() -> None:
    assert clean_name("encoder.module.weight") == "encoder.module.weight"


def test_the_first_pattern_that_matches_takes_a_parameter() -> None:
    groups = [
        ParameterGroupConfig(pattern=r"^1\.", lr_scale=0.5),
        ParameterGroupConfig(pattern="bias$", weight_decay=0.0),
    ]
    optimizer = Adam(AdamConfig(lr=2.0, weight_decay=0.1, groups=groups), model().named_parameters())
    assert group_of(optimizer) == {"0.weight": 0, "0.bias": 1, "1.weight": 2, "1.bias": 2}
    assert [group["lr"] for group in optimizer.optimizer.param_groups] == [2.0, 2.0, 1.0]
    assert [group["weight_decay"] for group in optimizer.optimizer.param_groups] == [0.1, 0.0, 0.1]


def test_patterns_see_clean_names() -> None:
    named = [(f"_orig_mod.module.{name}", parameter) for name, parameter in model().named_parameters()]
    optimizer = SGD(SGDConfig(groups=[ParameterGroupConfig(pattern=r"^0\.weight$", lr_scale=2.0)]), named)
    assert group_of(optimizer) == {"0.weight": 0, "0.bias": 1, "1.weight": 1, "1.bias": 1}


def test_groups_may_take_every_parameter() -> None:
    optimizer = SGD(SGDConfig(groups=[ParameterGroupConfig(pattern="", lr_scale=3.0)]), model().named_parameters())
    assert [group["lr_scale"] for group in optimizer.optimizer.param_groups] == [3.0]


def test_setting_lr_scales_each_group_and_reading_it_does_not() -> None:
    groups = [ParameterGroupConfig(pattern="bias$", lr_scale=0.5)]
    optimizer = SGD(SGDConfig(lr=1.0, groups=groups), model().named_parameters())
    optimizer.lr = 0.25
    assert optimizer.lr == 0.25
    assert [group["lr"] for group in optimizer.optimizer.param_groups] == [0.25, 0.125]


def test_parameters_without_gradient_are_left_out() -> None:
    module = model()
    module[0].requires_grad_(False)
    optimizer = SGD(SGDConfig(), module.named_parameters())
    assert sorted(optimizer._parameters) == ["1.bias", "1.weight"]


def test_zero_grad_frees_the_gradients() -> None:
    module = model()
    optimizer = SGD(SGDConfig(), module.named_parameters())
    optimizer.backward(module(torch.ones(1, 3)).sum())
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_group_that_takes_nothing() -> None:
    with pytest.raises(ConfigError) as error:
        SGD(SGDConfig(groups=[ParameterGroupConfig(pattern="embed")]), model().named_parameters())
    assert str(error.value) == (
        "optimizer.groups[0].pattern='embed' matches no parameter that is trained and that no earlier pattern "
        "takes; parameters are called: 0.weight, 0.bias, 1.weight, 1.bias"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pattern": "(bias"}, "the pattern '(bias' in optimizer.groups is no regular expression: "),
        ({"pattern": "bias", "lr_scale": -1.0}, "ParameterGroupConfig.lr_scale=-1.0 must be at least 0"),
        ({"pattern": "bias", "weight_decay": -0.1}, "ParameterGroupConfig.weight_decay=-0.1 must be at least 0"),
    ],
)
def test_wrong_groups(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        ParameterGroupConfig(**values)
    assert message in str(error.value)


def test_a_group_that_an_earlier_one_leaves_nothing() -> None:
    groups = [ParameterGroupConfig(pattern="bias"), ParameterGroupConfig(pattern=r"0\.bias")]
    with pytest.raises(ConfigError, match=r"optimizer\.groups\[1\]\.pattern='0\\\\.bias' matches no parameter"):
        SGD(SGDConfig(groups=groups), model().named_parameters())


def test_only_some_of_many_names_are_told() -> None:
    named = [(f"layers.{n}", nn.Parameter(torch.zeros(1))) for n in range(8)]
    with pytest.raises(ConfigError, match=r"called: layers\.0, .*layers\.4, and 3 more$"):
        SGD(SGDConfig(groups=[ParameterGroupConfig(pattern="bias")]), named)


def test_weight_decay_of_a_group_needs_an_optimizer_that_has_it() -> None:
    groups = [ParameterGroupConfig(pattern="bias", weight_decay=0.0)]
    with pytest.raises(ConfigError, match=r"optimizer\.groups sets a weight_decay, which Numbers has not"):
        Numbers(NumbersConfig(groups=groups), model().named_parameters())


def test_nothing_to_train() -> None:
    with pytest.raises(ConfigError, match="nothing to train"):
        SGD(SGDConfig(), model().requires_grad_(False).named_parameters())


def test_two_parameters_of_one_name() -> None:
    named = [(name, nn.Parameter(torch.zeros(1))) for name in ("weight", "module.weight")]
    with pytest.raises(ConfigError, match="two parameters of the model are called 'weight'"):
        SGD(SGDConfig(), named)


def test_state_is_tensors_by_parameter_and_key() -> None:
    module = model()
    optimizer = Adam(AdamConfig(), module.named_parameters())
    assert optimizer.state_dict() == {}
    update(module, optimizer)
    state = optimizer.state_dict()
    assert sorted(state)[:3] == ["0.bias.exp_avg", "0.bias.exp_avg_sq", "0.bias.step"]
    assert len(state) == 12
    assert state["0.weight.exp_avg"].shape == (2, 3)
    assert state["1.bias.step"] == 1


@pytest.mark.parametrize(
    "cfg",
    [AdamConfig(weight_decay=0.1), SGDConfig(momentum=0.9, nesterov=True), SGDConfig()],
    ids=["adam", "nag", "sgd"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_loaded_optimizer_goes_on_bit_for_bit(cfg: AdamConfig | SGDConfig, dtype: torch.dtype) -> None:
    build = Adam if isinstance(cfg, AdamConfig) else SGD
    module, other = (nn.Linear(3, 2).to(dtype) for _ in range(2))
    optimizer = build(cfg, module.named_parameters())
    gradient = torch.linspace(-1, 1, 6, dtype=dtype).view(2, 3)

    def step(linear: nn.Linear, optimizer: TorchOptimizer, factor: float) -> None:
        linear.weight.grad, linear.bias.grad = gradient * factor, gradient[:, 0] * factor
        optimizer.step()

    for factor in (1.0, 0.3, -2.0):
        step(module, optimizer, factor)
    saved = {entry: tensor.clone() for entry, tensor in optimizer.state_dict().items()}
    other.load_state_dict(module.state_dict())
    resumed = build(cfg, other.named_parameters())
    resumed.load_state_dict(saved)
    assert {entry: tensor.dtype for entry, tensor in resumed.state_dict().items()} == {
        entry: tensor.dtype for entry, tensor in saved.items()
    }
    for factor in (0.7, 5.0):
        step(module, optimizer, factor)
        step(other, resumed, factor)
    assert torch.equal(module.weight, other.weight)
    assert torch.equal(module.bias, other.bias)


def test_what_is_loaded_is_a_copy() -> None:
    module = model()
    optimizer = Adam(AdamConfig(), module.named_parameters())
    update(module, optimizer)
    saved = {entry: tensor.clone() for entry, tensor in optimizer.state_dict().items()}
    optimizer.load_state_dict(saved)
    before = saved["0.weight.exp_avg"].clone()
    update(module, optimizer)
    assert torch.equal(saved["0.weight.exp_avg"], before)


def test_numbers_are_saved_with_all_their_bits_and_come_back_as_numbers() -> None:
    module = nn.Linear(2, 3)
    optimizer = Numbers(NumbersConfig(), module.named_parameters())
    for _ in range(3):
        optimizer.step()
    state = optimizer.state_dict()
    assert sorted(state) == [f"{name}.{key}" for name in ("bias", "weight") for key in ("count", "decay", "rows")]
    resumed = Numbers(NumbersConfig(), module.named_parameters())
    resumed.load_state_dict(state)
    values = resumed.optimizer.state[module.weight]
    assert (type(values["count"]), values["count"]) == (int, 3)
    assert (type(values["decay"]), values["decay"]) == (float, 1.0 * 0.1 * 0.1 * 0.1)


def test_a_parameter_that_never_had_a_gradient_has_no_state() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    named = [("used", used), ("unused", unused)]
    optimizer = Adam(AdamConfig(), named)
    used.grad = torch.ones(2)
    optimizer.step()
    state = {entry: tensor.clone() for entry, tensor in optimizer.state_dict().items()}
    assert sorted(state) == ["used.exp_avg", "used.exp_avg_sq", "used.step"]
    resumed = Adam(AdamConfig(), named)
    resumed.load_state_dict(state)
    assert sorted(resumed.state_dict()) == sorted(state)


def saved_state() -> dict[str, Tensor]:
    module = model()
    optimizer = Adam(AdamConfig(), module.named_parameters())
    update(module, optimizer)
    return optimizer.state_dict()


def load_error(state: dict[str, Tensor]) -> str:
    with pytest.raises(CheckpointError) as error:
        Adam(AdamConfig(), model().named_parameters()).load_state_dict(state)
    return str(error.value)


def test_a_missing_entry() -> None:
    state = saved_state()
    del state["0.bias.exp_avg"]
    assert "0.bias.exp_avg is missing" in load_error(state)


def test_an_entry_of_no_parameter() -> None:
    assert "2.bias.exp_avg is unexpected" in load_error({**saved_state(), "2.bias.exp_avg": torch.zeros(2)})


def test_the_state_of_another_optimizer() -> None:
    message = load_error({"0.bias.momentum_buffer": torch.zeros(2)})
    assert "0.bias.exp_avg is missing; 0.bias.exp_avg_sq is missing; 0.bias.momentum_buffer is unexpected" in message
    assert "Resume with the model and the optimizer that it was saved with" in message


def test_an_entry_of_another_shape() -> None:
    state = {**saved_state(), "0.weight.exp_avg": torch.zeros(3, 2)}
    assert "0.weight.exp_avg has shape (3, 2), not (2, 3)" in load_error(state)
